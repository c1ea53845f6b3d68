"""Bucket events in: parsed, matched with what was announced, and recorded."""
