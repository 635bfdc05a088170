"""What an import does when something fails: it goes on exactly where it was."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from deploy.serving import load
from services.pipeline.accounts.imports.api import IMPORTER as ACCOUNTS
from services.pipeline.accounts.imports.api import AccountRow
from services.pipeline.deals.imports.api import AccountNotKnown
from shared import clock
from shared.auth.principal import Principal
from shared.context import Context
from shared.db import Connection
from shared.failpoints import armed
from shared.http.service import create_app
from shared.ids import new_id
from shared.jobs import retention
from shared.jobs.importer import Applied, Copy, Importer, Refusal, Result
from shared.jobs.model import Outcome
from shared.runtime import Role
from tests.service.conftest import NOWHERE, Installation
from tests.service.jobs.importing import ended, imported, rows, send
from tests.service.jobs.records import NONE, accounts_of, count_of, counts

ROWS = 50
FILE = "external_id,name\n" + "".join(f"A-{n},客户{n}\n" for n in range(ROWS))


class Dead(Exception):
    """Stands for the end of the process: nothing behind it happens."""


async def die() -> None:
    raise Dead


@pytest.mark.parametrize("place", ["import.applied", "import.committed"])
@pytest.mark.parametrize("turn", [1, 3, 6])
async def test_a_worker_that_fails_anywhere_goes_on_exactly_where_it_was(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, place: str, turn: int
) -> None:
    monkeypatch.setattr("shared.jobs.worker.BATCH", 10)
    with armed(f"{place}@{turn}", die):
        async with installation.api("pipeline", role=Role.ALL) as client:
            done = await imported(client, "accounts", FILE, source="crm")
            assert done["counts"] == counts(created=ROWS)
            assert len(await accounts_of(client)) == ROWS
            assert [row["row"] for row in await rows(client, done["id"])] == list(
                range(2, ROWS + 2)
            )
    async with installation.open("pipeline") as database:
        assert await count_of(database, "event_log", "outbox") == ROWS


async def test_an_import_that_nobody_can_go_on_with_fails(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.jobs.worker.ATTEMPTS_MAX", 0)
    async with installation.api("pipeline", role=Role.ALL) as client:
        failed = await imported(client, "accounts", FILE, source="crm")
    assert (failed["state"], failed["failure"]["code"]) == ("failed", "job_gave_up")
    assert failed["counts"] == NONE


class Hidden:
    """Applies rows to a set of names; some are not known yet, and one is a trap."""

    def __init__(self, known: set[str]) -> None:
        self.known = known
        self.taken: list[str] = []

    async def apply(
        self, _: Connection, __: Context, ___: Principal, rows: Sequence[AccountRow]
    ) -> Sequence[Result]:
        """Take those whose name is known."""
        if any(row.name == "陷阱" for row in rows):
            raise ZeroDivisionError
        self.taken += [row.name for row in rows if row.name in self.known]
        return [
            Applied(new_id(), 1, Outcome.CREATED)
            if row.name in self.known
            else Refusal(AccountNotKnown(external_id=row.name, source="x"), waits=True)
            for row in rows
        ]

    def importer(self, copy: Copy | None) -> Importer:
        """Return the importer of these rows."""
        return replace(ACCOUNTS, apply_many=self.apply, copy=copy)


@asynccontextmanager
async def serving(
    installation: Installation, importer: Importer, feeds: dict[str, str]
) -> AsyncIterator[httpx.AsyncClient]:
    """Serve a pipeline that imports accounts otherwise."""
    service = replace(load("pipeline"), importers=(importer,))
    app = create_app(service, installation.settings("pipeline", feeds=feeds), Role.ALL)
    token = installation.servers.issuer.token("tester", ("admin",))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://service",
            headers={"Authorization": f"Bearer {token}"},
        ) as client,
    ):
        yield client


NAMES = "external_id,name\n1,华东\n2,华北\n"
COPY = Copy("copy_of_a_test", "targets")


@pytest.mark.parametrize(
    ("comes", "result"), [("华北", counts(created=2)), ("x", counts(created=1, refused=1))]
)
async def test_a_row_waits_until_the_copy_has_what_the_source_had_when_the_import_began(
    installation: Installation, comes: str, result: dict[str, int]
) -> None:
    hidden = Hidden({"华东"})
    unit = {"name": "华北", "kind": "region", "parent_id": None, "valid_from": "2025-01-01"}
    async with (
        installation.serve("targets") as url,
        installation.api("targets", role=Role.ALL) as targets,
        installation.open("pipeline") as database,
    ):
        assert (await targets.post("/v1/units", json=unit)).status_code == 201
        head = (await targets.get("/v1/events", params={"wait": 5})).json()["head"]
        async with serving(installation, hidden.importer(COPY), {"targets": url}) as client:
            begun = await send(client, "accounts", NAMES, source="x")
            waits = await ended(client, begun["id"], {"waiting"})
            assert waits["counts"] == counts(created=1, waiting=1)
            hidden.known.add(comes)
            async with database.acquire() as conn:
                await conn.execute(
                    "INSERT INTO watermark (consumer, source, partition, number)"
                    " VALUES ('copy_of_a_test', 'targets', 0, $1)",
                    head,
                )
            done = await ended(client, begun["id"])
    assert (done["state"], done["counts"]) == ("done", result)
    assert hidden.taken[0] == "华东"


async def test_a_row_that_breaks_the_command_is_refused_alone(installation: Installation) -> None:
    hidden = Hidden({"华东", "华北"})
    content = NAMES + "3,陷阱\n"
    async with serving(installation, hidden.importer(None), {"targets": NOWHERE}) as client:
        done = await imported(client, "accounts", content, source="x")
        told = await rows(client, done["id"], "refused")
    assert done["counts"] == counts(created=2, refused=1)
    assert [(row["row"], row["problems"][0]["code"]) for row in told] == [(4, "row_failed")]


async def test_what_is_out_of_retention_is_forgotten(installation: Installation) -> None:
    async with installation.api("pipeline", role=Role.ALL) as client:
        await imported(client, "accounts", FILE, source="crm")
        asked = {"noun": "accounts", "upload": "chunks"}
        begun = (await client.post("/v1/imports", params=asked)).json()
    tables = ("import_job", "import_chunk", "import_row")
    async with installation.open("pipeline") as database:
        for days, left in ((34, 2 + 1 + ROWS), (80, 0)):
            later = clock.now() + timedelta(days=days)
            for _ in range(5):
                await database.transact(
                    lambda conn, at=later: retention.forget(conn, at, timedelta(days=35))  # type: ignore[misc]
                )
            assert await count_of(database, *tables) == left
    assert begun["state"] == "uploading"
