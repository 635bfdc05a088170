"""Hostile tests run on the servers of the service tests."""

from tests.service.conftest import folder, installation, servers

__all__ = ["folder", "installation", "servers"]
