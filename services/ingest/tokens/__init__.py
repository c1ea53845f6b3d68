"""Tokens: made, listed, revoked."""
