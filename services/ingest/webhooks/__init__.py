"""Webhooks: subscriptions made, changed, paused, removed; deliveries made anew."""
