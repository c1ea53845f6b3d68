"""Rules of models and namespaces: set and removed."""
