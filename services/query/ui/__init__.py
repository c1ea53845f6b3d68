"""The web page: what people read of the registry, rendered here from what the API answers."""
