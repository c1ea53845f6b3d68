"""Kafka as the services reach it: connections, errors, dead letters."""
