"""Mapping profiles: shipped as files, or stored by name and version."""
