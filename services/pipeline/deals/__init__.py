"""Deals: what is being sold to whom, by whom, and how it ended."""
