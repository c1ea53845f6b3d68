"""Query's own copy of what is searched: a file of SQLite, which can be made anew at any time."""
