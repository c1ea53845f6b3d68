"""Kafka as more than one service uses it: how they connect, its errors, and topics read by hand."""
