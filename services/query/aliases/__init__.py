"""Aliases: where each points, where it pointed, and how it came there."""
