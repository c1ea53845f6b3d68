"""What the HTTP services have in common: problem documents, health, limits."""
