"""Quotes and trades: reading, checking, simulating."""
