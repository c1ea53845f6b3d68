"""Container formats, checked by a few ranged reads of a stored file."""
