"""Kafka as the indexer uses it: broker, topics, publishing, dead letters."""
