"""Search: one grammar over versions and models, answered from query's own copy of the records."""
