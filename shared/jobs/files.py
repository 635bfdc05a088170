"""The file of a job, brought from the database to a file of this process and read from there."""

import asyncio
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import IO, Any
from uuid import UUID

from shared.db import Database
from shared.jobs import store
from shared.jobs.model import Job, RawRow
from shared.tables.model import Format, Row, Table
from shared.tables.reading import Asked, open_table

OPEN_MAX = 4
CHARACTERS_AT_ONCE = 4_000_000


class OpenFile:
    """An open file. Its rows are read in their order; a batch can be asked for once more."""

    def __init__(self, spool: IO[bytes], asked: Asked) -> None:
        self._spool = spool
        self._asked = asked
        self._table = open_table(spool, asked)  # type: ignore[arg-type]
        self._rows: Iterator[Row] = self._table.rows
        self._after = 0
        self._batch: Sequence[RawRow] | None = None

    @property
    def table(self) -> Table:
        """Return header and format."""
        return self._table

    def batch(self, after: int, size: int) -> Sequence[RawRow]:
        """Return the next rows behind a number, none at the end.

        They are at most so many, and fewer where they are long: what is held at once is bounded.
        """
        if self._after < 0 or (self._batch is not None and after != self._after):
            if self._batch and self._batch[-1].number == after:
                self._batch = None
            else:
                self._again(after)
        if self._batch is None:
            self._after = after
            self._batch = list(_bounded(self._rows, size))
        return self._batch

    def count(self, size: int) -> int:
        """Go through the next rows without keeping them; return how many there were."""
        self._batch = None
        self._after = -1  # wherever a batch begins, the rows are gone through from the start
        return sum(1 for _ in islice(self._rows, size))

    def skip_to(self, after: int) -> None:
        """Begin behind a number; what comes before is read and left."""
        if after:
            self._again(after)

    def _again(self, after: int) -> None:
        self._batch = None
        self._rows = open_table(self._spool, self._asked).rows  # type: ignore[arg-type]
        first = next((row for row in self._rows if row.number > after), None)
        self._rows = iter(()) if first is None else _chained(first, self._rows)

    def close(self) -> None:
        """Let go of the file."""
        self._spool.close()

    def __del__(self) -> None:
        # A service that stops lets go of its worker, and nobody else knows of the file.
        self._spool.close()


def _bounded(rows: Iterator[Row], size: int) -> Iterator[RawRow]:
    left = CHARACTERS_AT_ONCE
    for row in islice(rows, size):
        yield RawRow(row.number, row.cells)
        left -= sum(len(cell) for cell in row.cells if isinstance(cell, str))
        if left < 0:
            return


def _chained(first: Row, rest: Iterator[Row]) -> Iterator[Row]:
    yield first
    yield from rest


class Files:
    """The files that a process has open: of the jobs that it worked at last."""

    def __init__(self) -> None:
        self._open: dict[UUID, OpenFile] = {}

    async def of(self, database: Database, job: Job) -> OpenFile:
        """Return the open file of a job; raises what shared/tables/errors.py tells."""
        if job.id not in self._open:
            while len(self._open) >= OPEN_MAX:
                self._open.pop(next(iter(self._open))).close()
            spool = tempfile.TemporaryFile(prefix="import-")  # noqa: SIM115 (open while it is used)
            try:
                await _bring(database, job, spool)
                asked = asked_of(job.wanted.file, job.reading, job.header)
                opened = await asyncio.to_thread(OpenFile, spool, asked)
                await asyncio.to_thread(opened.skip_to, _behind(job))
            except BaseException:
                spool.close()
                raise
            self._open[job.id] = opened
        return self._open[job.id]

    def close(self, job_id: UUID | None = None) -> None:
        """Let go of the file of a job, of all for None."""
        for key in [job_id] if job_id else list(self._open):
            if key in self._open:
                self._open.pop(key).close()


def _behind(job: Job) -> int:
    return job.place.row if job.place.round == 0 else 0


async def _bring(database: Database, job: Job, spool: IO[bytes]) -> None:
    for number in range(job.chunks):
        content = await _chunk(database, job.id, number)
        await asyncio.to_thread(spool.write, content or b"")
    spool.seek(0)


def asked_of(file: Mapping[str, Any], reading: Mapping[str, Any], header: Sequence[str]) -> Asked:
    """Return how a file is read: as was found out before, else as the sender says."""
    known = {**file, **reading}
    form = known.get("format")
    return Asked(
        format=None if form is None else Format(form),
        encoding=known.get("encoding"),
        delimiter=known.get("delimiter"),
        sheet=known.get("sheet"),
        header=tuple(header) or None,
    )


async def _chunk(database: Database, job_id: UUID, number: int) -> bytes | None:
    return await database.read(lambda conn: store.chunk(conn, job_id, number))
