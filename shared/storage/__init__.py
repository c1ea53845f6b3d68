"""The only place that talks to object storage: MinIO, or any S3 store like it."""
