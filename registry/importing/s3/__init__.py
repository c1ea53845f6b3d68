"""Models that lie in a bucket."""
