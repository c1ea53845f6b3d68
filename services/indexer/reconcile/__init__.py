"""The reconciler: bucket and records compared both ways, and repaired.

Events are hints that can be lost; what it finds here is found without any.
"""
