"""Streams of model events as they are decided: positions, filters, repetitions. No I/O."""
