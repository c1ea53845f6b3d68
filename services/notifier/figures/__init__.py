"""What the notifier tells operators: what it did, and what waits for it."""
