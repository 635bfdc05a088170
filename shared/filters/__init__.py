"""Filters: one grammar for lists, exports, webhooks and rules, as SQL and as a predicate."""
