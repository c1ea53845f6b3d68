"""Model events out: from the outbox to Kafka, in order per model."""
