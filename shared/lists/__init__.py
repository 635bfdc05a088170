"""Lists: what is asked of one (filter, order, page), and how it is read."""
