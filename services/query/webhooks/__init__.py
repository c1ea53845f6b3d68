"""Webhooks: subscriptions, and what was delivered to each."""
