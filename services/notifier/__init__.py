"""The notifier: model events in, signed webhooks out."""
