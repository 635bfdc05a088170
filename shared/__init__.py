"""The chassis that every service stands on; it knows no business noun and imports no service."""
