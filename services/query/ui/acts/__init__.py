"""What is done on pages: forms that become requests of the API, asked of ingest."""
