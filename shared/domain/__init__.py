"""What a version is and how it changes: records and pure decisions, without any I/O or driver."""
