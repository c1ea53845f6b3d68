"""Receiving: model events in batches, recorded as deliveries."""
