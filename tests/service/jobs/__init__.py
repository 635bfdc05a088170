"""Imports and exports on real servers."""
