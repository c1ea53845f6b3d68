"""Bringing models in from elsewhere, and laying them out in folders."""
