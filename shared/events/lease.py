"""Leases: at most one holder at a time, told apart by a fencing number, on the database's clock."""

from dataclasses import dataclass
from typing import Final, LiteralString
from uuid import UUID

from shared.db import Database
from shared.ids import new_id

_MAKE: Final[LiteralString] = """
    INSERT INTO lease (name, holder, fence, expires_at)
    VALUES ($1, $2, 0, clock_timestamp() - interval '1 second')
    ON CONFLICT (name) DO NOTHING
"""
# A holder in the middle of a transaction has the row locked: it is alive, whatever the expiry says.
_TAKE: Final[LiteralString] = """
    UPDATE lease
       SET holder = $2,
           fence = CASE WHEN holder = $2 AND fence > 0 THEN fence ELSE fence + 1 END,
           expires_at = clock_timestamp() + make_interval(secs => $3)
     WHERE name = (
        SELECT name
          FROM lease
         WHERE name = $1 AND (holder = $2 OR expires_at < clock_timestamp())
           FOR UPDATE SKIP LOCKED)
    RETURNING fence
"""
_RENEW: Final[LiteralString] = """
    UPDATE lease
       SET expires_at = clock_timestamp() + make_interval(secs => $3)
     WHERE name = (
        SELECT name FROM lease WHERE name = $1 AND holder = $2 FOR UPDATE SKIP LOCKED)
    RETURNING true
"""
_HELD: Final[LiteralString] = """
    SELECT EXISTS (SELECT FROM lease WHERE name = $1 AND holder = $2 AND fence = $3)
"""
_RELEASE: Final[LiteralString] = """
    UPDATE lease
       SET expires_at = clock_timestamp() - interval '1 second'
     WHERE name = $1 AND holder = $2
"""


@dataclass(slots=True)
class Lease:
    """A named right that one process holds for ``seconds`` and renews while it works.

    Whoever works under it names ``holder`` and ``fence`` in the statements that must not run
    twice, so a holder that was taken for dead changes nothing any more.
    """

    name: str
    holder: UUID
    seconds: float
    fence: int = 0

    @classmethod
    def of(cls, name: str, seconds: float) -> "Lease":
        """Return a lease that is not held yet, with a holder of its own."""
        return cls(name, new_id(), seconds)

    @property
    def held(self) -> bool:
        """Tell whether the lease was held when last asked."""
        return self.fence > 0

    async def take(self, database: Database) -> bool:
        """Try to take the lease; True when it is held."""
        async with database.acquire() as conn:
            fence = await conn.fetchval(_TAKE, self.name, self.holder, self.seconds)
            if fence is None:
                await conn.execute(_MAKE, self.name, self.holder)
                fence = await conn.fetchval(_TAKE, self.name, self.holder, self.seconds)
        self.fence = fence or 0
        return self.held

    async def renew(self, database: Database) -> None:
        """Put the expiry off; notice when somebody else has the lease by now.

        Who does nothing under the lease meets no fenced statement that would tell.
        """
        async with database.acquire() as conn:
            if await conn.fetchval(_RENEW, self.name, self.holder, self.seconds):
                return
            if not await conn.fetchval(_HELD, self.name, self.holder, self.fence):
                self.lost()

    async def release(self, database: Database) -> None:
        """Give the lease back, so that another may take it at once."""
        if self.held:
            self.fence = 0
            async with database.acquire() as conn:
                await conn.execute(_RELEASE, self.name, self.holder)

    def lost(self) -> None:
        """Remember that somebody else has it."""
        self.fence = 0
