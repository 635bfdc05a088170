"""Accounts: to whom it is sold."""
