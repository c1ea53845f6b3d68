"""What a filter and an order may say, and what they mean; no I/O."""
