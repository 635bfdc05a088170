"""Verification of the audit trail, by arithmetic of its own."""
