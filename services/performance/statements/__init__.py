"""Statements: what a payee earned in a period, with the whole reason for every line."""
