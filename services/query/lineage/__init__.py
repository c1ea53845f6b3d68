"""Lineage: graphs of what versions were made from, and of what was made from them."""
