"""Webhooks: what is subscribed to, what is sent, when again, and where it must not go."""
