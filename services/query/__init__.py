"""Query: every read. Models, versions, downloads, and waiting for a version to settle."""
