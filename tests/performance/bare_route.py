"""A bare FastAPI route that wins a deal: the statements of ours, and nothing around them.

Run as a process of its own: ``python -m tests.performance.bare_route <port>``, with the address of
the database in the variable BARE_DATABASE_URL.
"""

import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import asyncpg
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import Response

from deploy.local.ports import LOOPBACK
from deploy.serving import configuration
from services.pipeline.deals import rules, store
from services.pipeline.deals.model import Deal, Line, Share, Terms
from shared.audit.model import Change
from shared.context import Asked, Context
from shared.contracts.pipeline import DealStage
from shared.db import columns
from shared.events import outbox
from shared.ids import External
from shared.money import Money
from shared.settings import ServerSettings

DSN_VARIABLE = "BARE_DATABASE_URL"
_POOL = 8
_DAY = date(2025, 1, 1)
_SOMEBODY = UUID("0192d7a4-5d1c-7c3e-8f00-000000000001")
_ANSWER = b'{"stage":"won"}'


def deal(deal_id: UUID, stage: DealStage) -> Deal:
    """Return a deal as the bench wins them: one line, one share."""
    amount = Money.of("1500.00", "CNY")
    terms = Terms(
        name="商机 bench 1",
        owner_id=_SOMEBODY,
        account_id=None,
        amount=amount,
        lines=(Line(_SOMEBODY, Decimal(1), amount),),
        shares=(Share(_SOMEBODY, Decimal(1)),),
        opened_on=_DAY,
    )
    won = stage is DealStage.WON
    external = External("bench", str(deal_id))
    return Deal(deal_id, 2 if won else 1, external, terms, stage, _DAY if won else None)


def _parameters() -> tuple[str, Sequence[Sequence[object]]]:
    """Return the events and the columns of a won deal as the statement takes them."""
    before, after = deal(_SOMEBODY, DealStage.OPEN), deal(_SOMEBODY, DealStage.WON)
    asked = Asked("bench", ("admin",), "POST", "/deals/{deal_id}/win")
    at = datetime(2025, 1, 1, tzinfo=UTC)
    ctx = Context("bench", at, _SOMEBODY, traceparent=_trace(), asked=asked)
    change = Change.told(before, after, rules.told(before, after))
    return outbox.changes(ctx, [change]), columns([store._row(after)], 14)


def _trace() -> str:
    return f"00-{_SOMEBODY.hex}-{_SOMEBODY.hex[16:]}-01"


def application(dsn: str) -> FastAPI:
    """Return the app; all that its statements write is made beforehand."""
    events, (_, *rest) = _parameters()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.pool = await asyncpg.create_pool(
            dsn, min_size=_POOL, max_size=_POOL, reset=_keep_as_is
        )
        yield
        await app.state.pool.close()

    app = FastAPI(lifespan=lifespan)

    @app.post("/deals/{deal_id}/win")
    async def win(deal_id: UUID, request: Request) -> Response:
        await request.body()
        async with app.state.pool.acquire() as conn, conn.transaction():
            await conn.fetch(store._LOCK, [deal_id])
            await conn.execute(store._SAVE, events, [deal_id], *rest)
        return Response(_ANSWER, media_type="application/json")

    return app


async def _keep_as_is(_: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Leave a returned connection as it is."""


if __name__ == "__main__":
    app = application(os.environ[DSN_VARIABLE])
    settings = configuration(
        app, limits=ServerSettings(), lifespan=True, host=LOOPBACK, port=int(sys.argv[1])
    )
    uvicorn.Server(settings).run()
