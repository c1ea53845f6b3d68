"""Bucket events in: parsed, matched with what was declared, and recorded."""
