"""Comparing networks with each other and with methods that are none: equal tuning, equal steps, equal time."""
