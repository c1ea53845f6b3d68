"""Records rebuilt from the event topic, the manifests and the buckets."""
