"""What clients of Hugging Face write: bytes first, and then the commit that says whose they are."""
