"""The audit: who changed what, and what was refused."""
