"""Deals whose members are not those of their shares; an index holds these, and it is empty."""

from typing import Final, LiteralString

from shared.db import Connection

_ANY_STRAYED: Final[LiteralString] = """
    SELECT EXISTS (SELECT FROM deal WHERE member_ids IS DISTINCT FROM share_members(shares))
"""
_CATCH_UP: Final[LiteralString] = """
    UPDATE deal
       SET member_ids = share_members(shares)
     WHERE id IN (SELECT id
                    FROM deal
                   WHERE member_ids IS DISTINCT FROM share_members(shares)
                   ORDER BY id
                   LIMIT $1
                     FOR UPDATE SKIP LOCKED)
    RETURNING id
"""


async def any_strayed(conn: Connection) -> bool:
    """Tell whether there is such a deal."""
    found: bool = await conn.fetchval(_ANY_STRAYED)
    return found


async def catch_up(conn: Connection, limit: int) -> int:
    """Give deals the members of their shares, but those that somebody changes now; count them."""
    return len(await conn.fetch(_CATCH_UP, limit))
