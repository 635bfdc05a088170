"""The members of a deal are kept by its own commands; what passes by these is caught up.

While a new release comes in, processes of one that keeps no members still change shares.
"""

from typing import Final

from services.pipeline.deals.sharing import store
from shared.context import Context
from shared.db import Database
from shared.logs import logger

log = logger(__name__)

AT_ONCE: Final = 1_000


async def catch_up(database: Database, _: Context) -> int:
    """Give deals the members of their shares where these are others; count them."""
    if not await database.read(store.any_strayed):
        return 0
    caught_up = await database.transact(lambda conn: store.catch_up(conn, AT_ONCE))
    log.warning("deal_members_caught_up", deals=caught_up)
    return caught_up
