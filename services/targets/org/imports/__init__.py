"""Units and members from files."""
