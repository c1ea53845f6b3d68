"""Sending: queues taken under leases, and their deliveries sent in order."""
