"""Is the trail whole? Blocks and rows go by once, in order; nothing but the place is remembered."""

import hashlib
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from deploy.audit.arithmetic import (
    FORM,
    Row,
    Unreadable,
    block_header,
    pending_digest,
    row_digest,
    start_of,
)
from deploy.verify.findings import NOTHING, Report

PENDING_SECONDS_MAX = 60
THERE = "there"


@dataclass(frozen=True, slots=True)
class Trail:
    """What a service keeps: blocks, rows and unsealed rows, each in order, and its own end."""

    blocks: AsyncIterable[Row]
    rows: AsyncIterable[Row]
    pending: AsyncIterable[Row]
    head: Row | None


@dataclass(slots=True)
class _Rows:
    """The rows as they go by, one looked at ahead."""

    source: AsyncIterator[Row]
    ahead: Row | None = None
    over: bool = False

    async def up_to(self, last: int | None) -> AsyncIterator[Row]:
        """Yield the rows up to a number, all that are left for None."""
        while not self.over:
            if self.ahead is None:
                self.ahead = await anext(self.source, None)
            if self.ahead is None:
                self.over = True
            elif last is not None and self.ahead["number"] > last:
                return
            else:
                row, self.ahead = self.ahead, None
                yield row


@dataclass(slots=True)
class Chain:
    """Checks one service's trail; ``anchors`` are hashes that blocks must have, by number."""

    report: Report
    service: str
    anchors: Mapping[int, AbstractSet[str]] = field(default_factory=dict)
    block: int = 0
    number: int = 0
    hash: bytes = b""

    async def check(self, trail: Trail) -> None:
        """Note all that is wrong with the trail, at its place."""
        self.hash = start_of(self.service)
        rows = _Rows(aiter(trail.rows))
        async for block in trail.blocks:
            self._check_place(block)
            await self._check_rows(block, rows)
            self._check_anchor(block["number"], block["hash"].hex())
            self.block, self.number, self.hash = block["number"], block["last"], block["hash"]
            self.report.checked["audit_blocks"] += 1
        async for row in rows.up_to(None):
            self._row_of_no_block(row["number"])
        self._check_end(trail.head)
        async for row in trail.pending:
            self._check_pending(row)

    def _check_place(self, block: Row) -> None:
        here = self._at("audit_block", block["number"])
        if block["number"] > self.block + 1:
            missing = self._at("audit_block", self.block + 1, block["number"] - 1)
            self.report.wrong("audit.block_missing", missing, NOTHING, THERE)
            return
        self.report.equal("audit.block_first", here, block["first"], self.number + 1)
        previous = block["previous"].hex()
        self.report.equal("audit.block_previous", here, previous, self.hash.hex())

    async def _check_rows(self, block: Row, rows: _Rows) -> None:
        found = hashlib.sha256(block_header(self.service, block))
        expected, complete = block["first"], True
        async for row in rows.up_to(block["last"]):
            number = row["number"]
            if number < expected:
                self._row_of_no_block(number)
                continue
            complete &= self._none_missing(expected, number - 1)
            self._check_row(row)
            found.update(row["digest"])
            expected = number + 1
        complete &= self._none_missing(expected, block["last"])
        if complete:  # otherwise it is said already what is wrong with the block
            here = self._at("audit_block", block["number"])
            over = f"{here}, audit_row {block['first']}–{block['last']}"
            self.report.equal("audit.block", over, found.hexdigest(), block["hash"].hex())

    def _none_missing(self, first: int, last: int) -> bool:
        if first > last:
            return True
        self.report.wrong("audit.row_missing", self._at("audit_row", first, last), NOTHING, THERE)
        return False

    def _check_row(self, row: Row) -> None:
        self.report.checked["audit_rows"] += 1
        here = self._at("audit_row", row["number"])
        self.report.equal("audit.form", here, row["form"], FORM)
        try:
            found = row_digest(row).hex()
        except Unreadable as error:
            found = str(error)
        self.report.equal("audit.row", here, found, row["digest"].hex())

    def _check_pending(self, row: Row) -> None:
        self.report.checked["audit_pending"] += 1
        here = self._at("audit_pending", row["id"])
        try:
            found = pending_digest(row["content"]).hex()
        except Unreadable as error:
            found = str(error)
        self.report.equal("audit.pending", here, found, row["digest"].hex())
        if row["seconds"] > PENDING_SECONDS_MAX:
            self.report.open("audit.unsealed", here, f"{row['seconds']:.0f} s", NOTHING)

    def _check_anchor(self, block: int, says: str) -> None:
        for hash_there in self.anchors.get(block, ()):
            self.report.equal("audit.anchor", self._at("audit_block", block), says, hash_there)

    def _check_end(self, head: Row | None) -> None:
        here = f"{self.service}: audit_head"
        if head is None:
            self.report.wrong("audit.head", here, NOTHING, THERE)
        else:
            # Nothing was sealed yet: the place of the hash is empty.
            says = head["block"], head["number"], (head["hash"] or start_of(self.service)).hex()
            self.report.equal("audit.head", here, says, (self.block, self.number, self.hash.hex()))
        cut = [block for block in self.anchors if block > self.block]
        if cut:
            missing = self._at("audit_block", self.block + 1, max(cut))
            self.report.wrong("audit.cut", missing, NOTHING, THERE)

    def _row_of_no_block(self, number: int) -> None:
        self.report.checked["audit_rows"] += 1
        here = self._at("audit_row", number)
        self.report.wrong("audit.row_of_no_block", here, THERE, NOTHING)

    def _at(self, table: str, first: int, last: int | None = None) -> str:
        return f"{self.service}: {table} {first}" + (f"–{last}" if last and last > first else "")


async def stream(rows: Iterable[Row]) -> AsyncIterator[Row]:
    """Return rows that are there already as a stream."""
    for row in rows:
        yield row
