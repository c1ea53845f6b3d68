"""What holds unless the caller says otherwise; the command shows it without loading the client."""

DEFAULT_URL = "http://localhost:8000"
WAIT_SECONDS = 600.0
"""How long a call waits for verification."""
UPLOADS_AT_ONCE = 4
DOWNLOADS_AT_ONCE = 8
"""Files or parts that travel at once."""
