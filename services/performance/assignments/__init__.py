"""Assignments: who is paid by which plan, and on which days."""
