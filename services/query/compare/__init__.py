"""Versions side by side: their metadata, their files, and the tensors inside."""
