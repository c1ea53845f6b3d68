"""Ingest: every write. Upload sessions are opened, signed, completed and aborted here."""
