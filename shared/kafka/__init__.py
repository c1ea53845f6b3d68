"""Kafka as the services reach it: connections, consuming, dead letters, topics read by hand."""
