"""Assignments of plans from files."""
