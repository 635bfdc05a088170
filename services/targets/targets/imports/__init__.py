"""Targets from files."""
