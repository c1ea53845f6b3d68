"""Subscriptions of webhooks, their deliveries, and the queues that these are sent from."""
