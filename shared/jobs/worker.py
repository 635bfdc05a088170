"""The worker of import jobs: one batch of one job at a time, jobs taking turns.

A job is worked on under a lease in its row. What counts is not the lease: the rows' results and the
job's place are written in the batch's own transaction, under the lock of the job, and only if the
job is still where the batch began. So a worker that was killed, or taken for dead, leaves nothing
half done and nothing twice.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from shared import clock
from shared.auth.principal import Principal
from shared.context import Asked, Context
from shared.contracts.roles import permissions_of
from shared.db import Connection, Database, DatabaseUnavailable
from shared.errors import Kind, PharosError, Refused
from shared.events.feed import FeedUnavailable
from shared.failpoints import reach
from shared.ids import new_id
from shared.jobs import store
from shared.jobs.batches import Batches
from shared.jobs.binding import bind, plain_profile
from shared.jobs.files import Files, OpenFile
from shared.jobs.importer import BATCH, Copy, Importer
from shared.jobs.mapping import MappingProfile, check, dumped, loaded
from shared.jobs.model import Asker, Job, Outcome, RawRow, RowResult, State
from shared.jobs.profiles import commands as profiles
from shared.jobs.readiness import Readiness
from shared.jobs.rounds import after_batch
from shared.logs import logger
from shared.tasks import end

log = logger(__name__)

VALIDATED_AT_ONCE = 20_000
LOOK_AGAIN_SECONDS = 1.0
NUMBERED_SECONDS = 2.0
"""So long after a job began its source's heads are asked: what had been committed has a number."""
ATTEMPTS_MAX = 8
SINGLY_FROM = 3
"""From this attempt on the rows of a batch that fails are tried one by one."""


class JobGaveUp(Refused):
    """A job that no worker could go on with."""

    en = "The import could not be worked off, time and again, at row {row}. Report it."
    zh = "导入在第 {row} 行多次处理失败，请反馈给管理员。"


class NounNotImported(Refused):
    """The release that runs now does not import this noun."""

    en = "This release does not import {noun}."
    zh = "当前版本不支持导入 {noun}。"


class ImportWorker:
    """Works jobs off; each call is one turn."""

    __qualname__ = "ImportWorker"

    def __init__(
        self,
        importers: Mapping[str, Importer],
        folder: Path,
        readiness: Readiness,
        lease_seconds: float,
    ) -> None:
        self._importers = importers
        self._folder = folder
        self._readiness = readiness
        self._seconds = lease_seconds
        self._holder = new_id()
        self._files = Files()
        self._counted: dict[UUID, tuple[OpenFile, int]] = {}

    async def __call__(self, database: Database, ctx: Context) -> int:
        """Do one turn of the job that has waited longest; return 0 when there is none."""
        job = await database.transact(lambda conn: store.claim(conn, self._holder, self._seconds))
        if job is None:
            self._files.close()
            self._counted.clear()
            return 0
        try:
            async with self._kept(database, job.id):
                await self._turn(database, ctx, job)
        except FeedUnavailable:
            log.warning("import_waits_for_feed", job=str(job.id))
            await self._put_off(database, job)
        except PharosError as error:
            if error.kind is Kind.UNAVAILABLE:
                raise
            await self._fail(database, job, error)
        return 1

    @asynccontextmanager
    async def _kept(self, database: Database, job_id: UUID) -> AsyncIterator[None]:
        """Keep the job while something takes long, such as opening a large file."""

        async def keep() -> None:
            while True:
                await asyncio.sleep(self._seconds / 3)
                with contextlib.suppress(DatabaseUnavailable):
                    await database.transact(
                        lambda conn: store.keep(conn, job_id, self._holder, self._seconds)
                    )

        keeping = asyncio.create_task(keep())
        try:
            yield
        finally:
            await end([keeping])

    async def _turn(self, database: Database, ctx: Context, job: Job) -> None:
        importer = self._importers.get(job.wanted.noun)
        if importer is None:
            raise NounNotImported(noun=job.wanted.noun)
        if job.attempts > ATTEMPTS_MAX:
            raise JobGaveUp(row=job.place.row)
        if job.state is State.QUEUED:
            await self._open(database, job, importer)
        elif job.state is State.VALIDATING:
            await self._validate(database, job)
        elif job.place.round == 0:
            await self._of_file(database, ctx, job, importer)
        else:
            await self._of_waiting(database, ctx, job, importer)

    async def _open(self, database: Database, job: Job, importer: Importer) -> None:
        table = (await self._files.of(database, job)).table
        name, profile = await self._profile(database, job, importer, table.header)
        check(profile, importer)  # it may have been stored for another release
        bind(profile, importer, table.header)
        said = {"format": table.format.value, "encoding": table.encoding}
        reading = {**said, "delimiter": table.delimiter, "profile": name}
        known = {name: value for name, value in reading.items() if value is not None}
        mapping = dumped(profile)
        await database.transact(
            lambda conn: store.opened(conn, job.id, mapping, table.header, known, clock.now())
        )
        self._files.close(job.id)  # an NDJSON file is now read with a header

    async def _profile(
        self, database: Database, job: Job, importer: Importer, header: Sequence[str]
    ) -> tuple[str | None, MappingProfile]:
        """Return the named profile, else the only one that knows the header, else the plain one.

        The plain one, which takes the columns by their headings, has no name.
        """
        noun, name = importer.noun, job.wanted.profile
        if name is not None:
            found = await database.read(lambda conn: profiles.named(conn, self._folder, noun, name))
            return name, _with_source(found.profile, importer, job.wanted.source)
        known = await database.read(lambda conn: profiles.known(conn, self._folder, noun))
        fitting = [
            one
            for one in known
            if one.profile.recognised_by and set(one.profile.recognised_by) <= set(header)
        ]
        if len(fitting) == 1:
            (one,) = fitting
            return one.name, _with_source(one.profile, importer, job.wanted.source)
        return None, plain_profile(importer, header, job.wanted.source)

    async def _validate(self, database: Database, job: Job) -> None:
        """Go through the file once, some rows a turn: what breaks it is found before it runs."""
        opened = await self._files.of(database, job)
        # A file that was opened anew meanwhile is counted anew.
        known, so_far = self._counted.get(job.id, (opened, 0))
        counted = await asyncio.to_thread(opened.count, VALIDATED_AT_ONCE)
        total = (so_far if known is opened else 0) + counted
        if counted:
            self._counted[job.id] = (opened, total)
            await self._put_off(database, job, 0)
            return
        await database.transact(lambda conn: store.validated(conn, job.id, total))
        self._counted.pop(job.id, None)

    async def _of_file(
        self, database: Database, ctx: Context, job: Job, importer: Importer
    ) -> None:
        opened = await self._files.of(database, job)
        rows = await asyncio.to_thread(opened.batch, job.place.row, BATCH)
        await self._batch(database, ctx, job, importer, rows)

    async def _of_waiting(
        self, database: Database, ctx: Context, job: Job, importer: Importer
    ) -> None:
        copy = importer.copy
        if job.place.row == 0 and copy is not None and not await self._ready(database, job, copy):
            await self._put_off(database, job)
            return
        rows = await database.read(lambda conn: store.waiting(conn, job.id, job.place.row, BATCH))
        await self._batch(database, ctx, job, importer, rows)

    async def _ready(self, database: Database, job: Job, copy: Copy) -> bool:
        """Tell whether the copy has all that its source had told when the file was gone through.

        Only a job with rows that wait asks the source, so that the others do without it.
        """
        heads = job.heads
        if heads is None:
            begun = job.started_at or clock.now()
            if clock.now() < begun + timedelta(seconds=NUMBERED_SECONDS):
                return False
            heads = await self._readiness.heads(database, copy)
            await database.transact(lambda conn: store.await_heads(conn, job.id, heads))
        return await database.read(lambda conn: self._readiness.passed(conn, copy, heads))

    async def _batch(
        self,
        database: Database,
        ctx: Context,
        job: Job,
        importer: Importer,
        rows: Sequence[RawRow],
    ) -> None:
        batches = _batches(job, importer, ctx)

        async def work(conn: Connection) -> State | None:
            held = await store.lock(conn, job.id)
            if held is None or (held.state, held.place) != (job.state, job.place):
                return None  # cancelled, or somebody else was faster
            results = await batches.judge(conn, held, rows)
            more = _growth(held, results)
            waiting = held.counts[Outcome.WAITING] + more[Outcome.WAITING]
            last = rows[-1].number if rows else held.place.row
            state, place = after_batch(held.place, last, more, ended=not rows, waiting=waiting)
            if results:
                await store.save_rows(conn, job.id, results)
            kept = held.state if state.is_final else state
            await store.advance(conn, job.id, kept, place, more, self._seconds)
            if state.is_final:
                await store.end(conn, job.id, state, None, clock.now())
            await reach("import.applied")
            return state

        state = await database.transact(work)
        await reach("import.committed")
        if state is None or state.is_final:
            self._files.close(job.id)

    async def _put_off(
        self, database: Database, job: Job, seconds: float = LOOK_AGAIN_SECONDS
    ) -> None:
        await database.transact(lambda conn: store.put_off(conn, job.id, seconds))

    async def _fail(self, database: Database, job: Job, error: PharosError) -> None:
        log.warning("import_failed", job=str(job.id), code=error.code)
        problem = {"code": error.code, "en": error.text("en"), "zh": error.text("zh")}
        await database.transact(
            lambda conn: store.end(conn, job.id, State.FAILED, problem, clock.now())
        )
        self._files.close(job.id)
        self._counted.pop(job.id, None)


def _with_source(profile: MappingProfile, importer: Importer, source: str | None) -> MappingProfile:
    """Return the profile with the job's own source where it says none."""
    if source is None or "source" in profile.fields or "source" not in importer.kinds:
        return profile
    said = dumped(profile)
    said["fields"]["source"] = {"constant": source}
    return loaded(said)


def _batches(job: Job, importer: Importer, ctx: Context) -> Batches:
    ctx = Context(
        actor=job.asker.subject,
        now=clock.now(),
        correlation_id=job.id,
        installation=ctx.installation,
        origin=job.wanted.origin,
        asked=Asked(
            client=job.asker.client,
            roles=job.asker.roles,
            method="POST",
            route="/v1/imports",
            reason=job.wanted.reason,
            permission=importer.permission,
            member_id=job.asker.member_id,
        ),
    )
    binding = bind(loaded(job.mapping or {}), importer, job.header)
    singly = job.attempts >= SINGLY_FROM
    return Batches(importer, binding, ctx, _principal(job.asker), singly=singly)


def _principal(asker: Asker) -> Principal:
    permissions = permissions_of(asker.roles)
    return Principal(
        asker.subject, asker.client, asker.roles, permissions, member_id=asker.member_id
    )


def _growth(job: Job, results: Sequence[RowResult]) -> Counter[Outcome]:
    """Return what each count grows by; a row that waited before leaves the waiting ones."""
    more = Counter(result.outcome for result in results)
    if job.place.round > 0:
        more[Outcome.WAITING] -= len(results)
    return more
