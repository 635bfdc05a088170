"""Fields that say something about a person, and are left out of what is kept for ever."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

PERSONAL: Final[Mapping[str, bool]] = MappingProxyType({"personal": True})
"""Metadata of such a field of a dataclass: the audit trail, like events, does without it."""
