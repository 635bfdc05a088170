"""Deals from files."""
