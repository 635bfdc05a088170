"""The schemas behind the services' backs: what only a test does there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, LiteralString

import asyncpg

from deploy.local.stack import Stack

REFUSE: Final[LiteralString] = (
    "ALTER TABLE attainment_entry ADD CONSTRAINT too_much CHECK (amount < 500000)"
)
"""From now on targets cannot post deals that are too large, and parks their events."""
MEND: Final[LiteralString] = "ALTER TABLE attainment_entry DROP CONSTRAINT too_much"


@asynccontextmanager
async def schema(stack: Stack, service: str) -> AsyncIterator[Any]:
    """Lend a connection to the schema of a service."""
    connection = await asyncpg.connect(stack.settings[service].database_url)
    try:
        yield connection
    finally:
        await connection.close()
