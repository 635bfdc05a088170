"""Delivering webhooks: from the log to the receiver, and what came of it."""
