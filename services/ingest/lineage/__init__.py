"""Lineage: what versions were made from, said at upload, and added or removed later."""
