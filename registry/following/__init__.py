"""Keeps a folder at the version that an alias names: downloads, swaps in one step, goes back."""
