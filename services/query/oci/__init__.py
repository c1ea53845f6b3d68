"""Pulling as OCI clients do: a version is an artifact, its files are layers that lie in storage."""
