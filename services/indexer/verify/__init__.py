"""Objects checked: size, digest and format, by a look or by a whole read."""
