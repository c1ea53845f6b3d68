"""What the registry keeps of itself: the last comparison, strays, and what namespaces have."""
