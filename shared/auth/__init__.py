"""Who is asking: tokens verified, permissions named."""
