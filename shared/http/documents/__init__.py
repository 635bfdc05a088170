"""What a service tells of itself, for people and tools: routes, events, objects, problems."""
