"""What the indexer tells operators: what it did, and what waits for it."""
