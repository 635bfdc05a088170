"""Quotas: the targets as pay sees them, kept by events: what was aimed at and what was reached."""
