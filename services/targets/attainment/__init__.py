"""Attainment: what was achieved, posted entry by entry, and its share of the target."""
