"""What the knowledge service tells: nothing yet; it listens and counts."""
