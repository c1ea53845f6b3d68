"""Access over HTTP: who a request comes from, what its route does, and whether that is allowed."""
