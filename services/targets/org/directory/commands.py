"""The directory is kept by the organisation's own commands; what passes by these is caught up.

While a new release comes in, processes of one that knew no directory still change the organisation.
"""

from typing import Final

from services.targets.org import queries as organisation
from services.targets.org.directory import queries
from shared.context import Context
from shared.db import Connection, Database
from shared.directory import upkeep
from shared.logs import logger

log = logger(__name__)

AT_ONCE: Final = 1_000
LOOK_SECONDS: Final = 30
"""How often a worker that has nothing to bring looks: it compares the whole organisation."""


async def catch_up(database: Database, _: Context) -> int:
    """Bring units and members of whom the directory has strayed to what they are; count them."""

    async def work(conn: Connection) -> int:
        # No command is between the organisation and its directory now.
        await organisation.locked(conn)
        strayed = await queries.strayed(conn, AT_ONCE)
        await upkeep.put_right(conn, strayed, await queries.facts(conn, strayed))
        return len(strayed)

    if not await database.read(lambda conn: queries.strayed(conn, 1)):
        return 0
    caught_up = await database.transact(work)
    if caught_up:
        log.warning("directory_caught_up", subjects=caught_up)
    return caught_up
