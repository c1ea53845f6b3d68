"""Programs to learn from; they use the client alone, as its users do."""
