"""Edits that were made: who changed what is said of a version or a model, when and how."""
