"""Lists and filters on a real database."""
