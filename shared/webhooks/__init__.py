"""Webhooks: a service tells whoever asked of its own events, by HTTP."""
