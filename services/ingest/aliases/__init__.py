"""Aliases: set, moved, rolled back, removed."""
