"""The queue of work: what takes longer than a moment, off the path of Kafka's messages."""
