"""Objects that no upload declared: seen in a batch, adopted by folder once nothing more comes."""
