"""The reconciler: bucket and records compared both ways, and repaired.

Events are hints that can be lost; what it finds here is found without any. A round goes through
the names in the buckets that are no models, through uploads that are over, and through the models,
each listed once and compared with its records in memory.
"""
