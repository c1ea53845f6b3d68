"""The indexer: bucket events in, objects checked, versions recorded, model events out."""
