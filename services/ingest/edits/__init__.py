"""Edits of what is said of versions and models."""
