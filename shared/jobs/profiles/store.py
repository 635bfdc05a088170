"""Stored mapping profiles: a version is never changed, a new one takes its place."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString

import orjson

from shared.db import Connection, Row
from shared.jobs.mapping import MappingProfile, dumped, loaded

_NEWEST: Final[LiteralString] = """
    SELECT DISTINCT ON (noun, name) noun, name, version, profile
      FROM mapping_profile
     WHERE noun = $1 AND ($2::text IS NULL OR name = $2)
     ORDER BY noun, name, version DESC
"""
_ADD: Final[LiteralString] = """
    INSERT INTO mapping_profile (noun, name, version, profile, saved_at, saved_by)
    VALUES ($1, $2, $3, $4, $5, $6)
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """A profile by its noun and name, at a version; shipped ones have version 0."""

    noun: str
    name: str
    version: int
    profile: MappingProfile


async def newest(conn: Connection, noun: str, name: str | None) -> Sequence[Stored]:
    """Return the newest versions of a noun's profiles by name, of one where a name is given."""
    return [_stored(row) for row in await conn.fetch(_NEWEST, noun, name)]


async def add(conn: Connection, stored: Stored, now: datetime, actor: str) -> None:
    """Write a version."""
    profile = orjson.dumps(dumped(stored.profile)).decode()
    await conn.execute(_ADD, stored.noun, stored.name, stored.version, profile, now, actor)


def _stored(row: Row) -> Stored:
    profile = loaded(orjson.loads(row["profile"]))
    return Stored(row["noun"], row["name"], row["version"], profile)
