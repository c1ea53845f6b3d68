"""Model bytes between this machine and storage.

`upload` and `download` are the two ways; what stands here serves both: digests, progress, and the
signed requests to storage.
"""
