"""Processes that outlive the command that started them, their ports and their records."""
