"""The engine: from what was measured and what a plan says to what is due. No input, no output."""
