"""Targets: the value of a metric for a scope and a period."""
