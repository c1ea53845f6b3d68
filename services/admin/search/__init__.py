"""What operators ask of search."""
