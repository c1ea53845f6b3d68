"""What lies in the buckets and belongs to no version: strays, folders that wait, open uploads."""
