"""Colours that stay apart for colour-blind readers and stand out on light and dark; a word always says the same."""

FINE = "#0072B2"
WARNING = "#BF8700"
CRITICAL = "#DC267F"
NEUTRAL = "#808890"

LINES = (FINE, "#D55E00", "#009E73")
"""Of a panel's queries, in their order; limits are dashed besides."""
