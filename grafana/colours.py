"""Colours that stay apart for colour-blind readers and stand out on light and dark; a word always says the same."""

QUIET = "transparent"
"""Behind what is fine: only trouble has a colour."""
WARNING = "#BF8700"
CRITICAL = "#DC267F"
NEUTRAL = "#808890"
SHADE = f"{NEUTRAL}40"
"""What is fine, where nothing would look like no data."""

LINES = ("#0072B2", "#D55E00", "#009E73", "#A742FF", "#905A37")
"""Of a panel's queries, in their order."""
FINE = LINES[0]
