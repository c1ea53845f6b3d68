"""Benchmarks: each measures the registry and a plain program side by side, on the same servers."""
