"""Format checks that may cost much: each in a process of its own, with limits on all it uses."""
