"""Objects that no upload announced: seen in a batch, adopted by folder once nothing more comes."""
