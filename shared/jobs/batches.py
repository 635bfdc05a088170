"""A batch of rows: read, told apart, applied and judged, each row for itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.auth.principal import Principal
from shared.context import Context
from shared.db import Connection, is_passing, tells_of_events
from shared.errors import Invalid, PharosError
from shared.fields import Body
from shared.jobs import store
from shared.jobs.binding import Binding, Problem
from shared.jobs.importer import Applied, Importer, Refusal, Result
from shared.jobs.model import Job, Outcome, RawRow, RowResult
from shared.logs import logger

log = logger(__name__)


class RowTwice(Invalid):
    """Two rows of a file are about the same thing."""

    en = "Row {row} of the file is about the same thing. Keep one of the two."
    zh = "与文件第 {row} 行重复，请只保留其中一行。"


class RowFailed(Invalid):
    """A row that the service could not digest, by a fault of its own."""

    en = "This row could not be taken, and it is not your fault. Report it with the operation's id."
    zh = "该行无法处理，原因在系统内部。请连同操作编号一起反馈。"


class _TakenBack(Exception):
    """Carries the results of a trial out of the transaction that it undoes."""

    def __init__(self, results: Sequence[Result]) -> None:
        super().__init__()
        self.results = results


@dataclass(frozen=True, slots=True)
class Batches:
    """How the batches of a job are done. ``singly`` each row gets a savepoint of its own."""

    importer: Importer
    binding: Binding
    ctx: Context
    principal: Principal
    singly: bool

    async def judge(self, conn: Connection, job: Job, rows: Sequence[RawRow]) -> list[RowResult]:
        """Apply rows in the caller's transaction and return what became of each.

        In a dry run all is done but taken back; what a row does is then not seen by the next batch,
        except that a row may name what an earlier one would have made.
        """
        found: dict[int, RowResult] = {}
        read: dict[str, tuple[RawRow, Body]] = {}
        for raw in rows:
            row, problems = self.binding.read(raw.cells)
            if row is None:
                found[raw.number] = _refused(raw, problems)
                continue
            key = self.importer.key(row)
            if key in read:
                found[raw.number] = self._twice(raw, read[key][0].number)
            else:
                read[key] = (raw, row)
        holders = await store.holders_of(conn, job.id, list(read)) if read else {}
        for key, number in holders.items():
            if read[key][0].number != number:
                raw, _ = read.pop(key)
                found[raw.number] = self._twice(raw, number)
        results = await self._apply(conn, [row for _, row in read.values()], job)
        accepted = await self._accepted(conn, job, results, read)
        for (key, (raw, _)), result in zip(read.items(), results, strict=True):
            found[raw.number] = self._result(job, raw, key, result, accepted)
        return [found[raw.number] for raw in rows]

    async def _apply(self, conn: Connection, rows: Sequence[Body], job: Job) -> Sequence[Result]:
        if not rows:
            return ()
        keep = not job.wanted.dry_run
        if not self.singly:
            try:
                return await self._attempt(conn, rows, keep=keep)
            except Exception as error:
                if is_passing(error):
                    raise
                log.exception("batch_failed", job=str(job.id), noun=self.importer.noun)
        return [await self._alone(conn, row, job, keep=keep) for row in rows]

    async def _alone(self, conn: Connection, row: Body, job: Job, *, keep: bool) -> Result:
        try:
            return (await self._attempt(conn, [row], keep=keep))[0]
        except Exception as error:
            if is_passing(error) and not self.singly:
                raise
            log.exception("row_failed", job=str(job.id), noun=self.importer.noun)
            return Refusal(error if isinstance(error, PharosError) else RowFailed())

    async def _attempt(
        self, conn: Connection, rows: Sequence[Body], *, keep: bool
    ) -> Sequence[Result]:
        told = tells_of_events.get()
        try:
            async with conn.transaction():
                results = await self.importer.apply_many(conn, self.ctx, self.principal, rows)
                if not keep:
                    raise _TakenBack(results)
        except _TakenBack as taken_back:
            tells_of_events.set(told)
            return taken_back.results
        return results

    async def _accepted(
        self,
        conn: Connection,
        job: Job,
        results: Sequence[Result],
        read: Mapping[str, tuple[RawRow, Any]],
    ) -> set[str]:
        """Return the keys that rows of a dry run wait for and that the file itself would make."""
        if not job.wanted.dry_run:
            return set()
        wanted = {r.names for r in results if isinstance(r, Refusal) and r.names is not None}
        if not wanted:
            return set()
        made = {k for k, r in zip(read, results, strict=True) if isinstance(r, Applied)}
        held = await store.holders_of(conn, job.id, sorted(wanted))
        return wanted & (made | held.keys())

    def _result(
        self, job: Job, raw: RawRow, key: str, result: Result, accepted: set[str]
    ) -> RowResult:
        if isinstance(result, Applied):
            subject = None if job.wanted.dry_run else result.id
            return RowResult(raw.number, result.outcome, key, subject, result.version, None, ())
        if result.names in accepted:
            return RowResult(raw.number, Outcome.CREATED, key, None, None, None, ())
        problems = [self.binding.problem(result.error)]
        if result.waits and not job.place.last:
            return RowResult(raw.number, Outcome.WAITING, key, None, None, raw.cells, problems)
        return _refused(raw, problems)

    def _twice(self, raw: RawRow, number: int) -> RowResult:
        return _refused(raw, [self.binding.problem(RowTwice(row=number))])


def _refused(raw: RawRow, problems: Sequence[Problem]) -> RowResult:
    return RowResult(raw.number, Outcome.REFUSED, None, None, None, raw.cells, problems)
