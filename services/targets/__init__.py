"""Targets: the organisation, its targets, and how far they are attained."""
