"""Rules of models and namespaces: as they were set, and what they come to."""
