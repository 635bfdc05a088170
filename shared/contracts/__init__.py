"""The published language: what the services tell each other and the world, by event."""
