"""Reading accounts."""

from collections.abc import Collection, Sequence
from typing import Final, LiteralString
from uuid import UUID

from services.pipeline.accounts.model import Account
from services.pipeline.accounts.store import to_account
from shared.db import Connection

_LIST: Final[LiteralString] = """
    SELECT id, version, name, external_source, external_id
      FROM account
     WHERE id > $1
     ORDER BY id
     LIMIT $2
"""
_KNOWN: Final[LiteralString] = """
    SELECT id FROM account WHERE id = ANY($1::uuid[])
"""


async def listed(conn: Connection, after: UUID, limit: int) -> Sequence[Account]:
    """Return accounts by id."""
    return [to_account(row) for row in await conn.fetch(_LIST, after, limit)]


async def known(conn: Connection, ids: Collection[UUID]) -> set[UUID]:
    """Return those of the ids that are accounts."""
    return {row["id"] for row in await conn.fetch(_KNOWN, list(ids))}
