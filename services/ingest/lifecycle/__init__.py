"""Versions put away, held, deleted and restored."""
