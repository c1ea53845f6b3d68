"""Lineage: what versions were made from, as links, and as graphs to be told and drawn."""
