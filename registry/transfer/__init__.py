"""Model bytes between this machine and storage: in the order in which an upload meets the files.

sources (over readers) -> digests -> plan -> session -> jobs -> sender (over storage), all called
by upload; and download, over sinks, for the way back.
"""
