"""The directory of the service whose organisation it is."""
