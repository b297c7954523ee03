"""Files whose values know their place, held against a table of what may stand where."""
