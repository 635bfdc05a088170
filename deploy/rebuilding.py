"""The operator's command that derives anew what a consumer keeps."""

import httpx

from deploy.serving import load
from shared import clock
from shared.auth.client import TokenSource
from shared.context import Context
from shared.db import Database
from shared.events.feed import FeedClient
from shared.events.rebuild import Rebuild, Rebuilt
from shared.ids import new_id
from shared.settings import ServiceSettings

# A whole ledger is deleted by one statement, and a consumer in the middle of a batch is waited for.
STATEMENT_MS = 3_600_000
LOCK_MS = 60_000


async def rebuild(
    service: str, settings: ServiceSettings, consumer: str, *, from_facts: bool
) -> Rebuilt:
    """Rebuild a consumer of a service that may run meanwhile; its consumer waits for the end.

    Raises NothingToRebuild, LogTooShort, FactsInsufficient, FeedUnavailable, DatabaseUnavailable.
    """
    patient = {"statement_timeout_ms": STATEMENT_MS, "lock_timeout_ms": LOCK_MS}
    ctx = Context("operator", clock.now(), new_id(), settings.installed)
    task = Rebuild.of(load(service).subscriptions, consumer, ctx)
    database = await Database.connect(settings.model_copy(update=patient), service)
    try:
        if from_facts:
            return await task.from_facts(database)
        async with httpx.AsyncClient(trust_env=False) as client:
            secret = settings.client_secret.get_secret_value()
            tokens = TokenSource(client, settings.token_url, settings.client_id, secret)
            return await task.from_log(database, FeedClient(client, tokens, settings.feeds))
    finally:
        await database.close()
