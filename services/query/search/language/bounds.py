"""How much one search may ask for."""

MAX_FILTER_CHARACTERS = 4096
MAX_TERMS = 100
MAX_VALUES = 500
"""Values of all terms together; each is one bound parameter."""
MAX_DEPTH = 32
"""Levels of AND, OR and NOT."""
MAX_TEXT_CHARACTERS = 1024
"""Of a text only so many characters are compared; a longer one in a filter is refused."""
MAX_WILDCARDS = 16
"""Of one pattern. With those of SQLite, matching takes at most text times pattern, whatever both
hold: a later `%` that cannot match ends the search, and no earlier one is tried again."""
MAX_ORDER_KEYS = 4
MAX_WORDS = 16
"""Of one full-text term."""
