"""Model events over HTTP: one Kafka consumer for all who read, each from a place of their own."""
