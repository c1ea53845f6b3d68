"""Uploads under random faults for as long as they take."""
