"""Comparing networks with each other and with methods without a network: equal tuning, equal steps, equal time."""
