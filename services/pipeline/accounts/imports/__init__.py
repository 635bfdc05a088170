"""Accounts from files."""
