"""Whatever is done to a trail at rest is found, and named by its place."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from deploy.audit.anchors import Anchor
from deploy.audit.arithmetic import block_header, row_digest
from deploy.audit.reading import last_block, trail_of
from deploy.verify.findings import Kind
from shared.audit import sealer
from shared.db import Database
from tests.service.audit.trail import SERVICE, ask, change, examined, seal
from tests.service.conftest import Installation

ROWS, BLOCK = 20, 5
"""Four blocks of five rows each."""
COLUMNS = {
    "form": "2",
    "at": "at + interval '1 microsecond'",
    "actor": "'李强'",
    "client": "client || ' '",
    "roles": "array_append(roles, 'admin')",
    "method": "'POST'",
    "route": "route || '/'",
    "reason": "NULL",
    "noun": "'deal'",
    "action": "'opened'",
    "subject": "upper(subject)",
    "version": "version + 1",
    "before": """'{"name": "上海海鸥"}'""",
    "after": "replace(after::text, '100.00', '100.01')::json",
    "correlation_id": "gen_random_uuid()",
    "trace_id": "'00'",
    "origin": "'import'",
    "digest": "sha256(digest)",
}
"""How each column of a row is changed."""
REWRITTEN = """
    INSERT INTO audit_row (
        number, digest, form, at, actor, client, roles, method, route, reason, noun, action,
        subject, version, before, after, correlation_id, trace_id, origin)
    SELECT $2, digest, form, at, actor, client, roles, method, route, reason, noun, action,
           subject, version, before, after, correlation_id, trace_id, origin
      FROM audit_row WHERE number = $1
"""


@asynccontextmanager
async def sealed(installation: Installation) -> AsyncIterator[Database]:
    """Make four blocks, and see that nothing is wrong with them."""
    async with installation.open(SERVICE) as database:
        await ask(database, *(change(f"灯塔{n}", price="100.00") for n in range(ROWS)))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sealer, "BLOCK_ROWS_MAX", BLOCK)
            await seal(database)
        assert await examined(installation) == []
        yield database


async def execute(database: Database, statement: str, *values: object) -> None:
    async with database.acquire() as conn:
        await conn.execute(statement, *values)


async def found(installation: Installation, anchors: Sequence[Anchor] = ()) -> set[tuple[str, str]]:
    """Return (check, place) of all that is wrong."""
    findings = await examined(installation, anchors)
    assert all(finding.kind is Kind.WRONG for finding in findings)
    return {(finding.check, finding.where.removeprefix("pipeline: ")) for finding in findings}


async def anchor(installation: Installation) -> Anchor:
    """Return where the trail ends now."""
    block = await last_block(SERVICE, installation.dsn(SERVICE))
    assert block is not None
    return Anchor(SERVICE, block["number"], block["last"], block["hash"].hex(), "")


async def rewrite(installation: Installation, database: Database) -> None:
    """Work out all digests and hashes anew, as somebody who knows how would."""
    async with trail_of(SERVICE, installation.dsn(SERVICE)) as trail:
        rows = [dict(row) async for row in trail.rows]
        blocks = [dict(block) async for block in trail.blocks]
    previous = blocks[0]["previous"]
    async with database.acquire() as conn, conn.transaction():
        for row in rows:
            row["digest"] = row_digest(row)
            await conn.execute(
                "UPDATE audit_row SET digest = $2 WHERE number = $1", row["number"], row["digest"]
            )
        for block in blocks:
            block["previous"] = previous
            inside = [r["digest"] for r in rows if block["first"] <= r["number"] <= block["last"]]
            previous = hashlib.sha256(block_header(SERVICE, block) + b"".join(inside)).digest()
            await conn.execute(
                "UPDATE audit_block SET previous = $2, hash = $3 WHERE number = $1",
                block["number"],
                block["previous"],
                previous,
            )
        await conn.execute("UPDATE audit_head SET hash = $1", previous)


async def cut(database: Database, *, head: bool) -> None:
    """Cut the last block off, and if asked for make the head fit."""
    async with database.acquire() as conn, conn.transaction():
        await conn.execute("DELETE FROM audit_row WHERE number > 15")
        await conn.execute("DELETE FROM audit_block WHERE number = 4")
        if head:
            await conn.execute(
                "UPDATE audit_head SET block = 3, number = 15,"
                " hash = (SELECT hash FROM audit_block WHERE number = 3)"
            )


@pytest.mark.parametrize("column", COLUMNS)
async def test_a_changed_field_is_found_in_its_row(installation: Installation, column: str) -> None:
    async with sealed(installation) as database:
        changed = f"UPDATE audit_row SET {column} = {COLUMNS[column]} WHERE number = 8"
        await execute(database, changed)
        places = await found(installation)
        assert ("audit.row", "audit_row 8") in places
        also = {
            "digest": {("audit.block", "audit_block 2, audit_row 6–10")},
            "form": {("audit.form", "audit_row 8")},
        }
        assert places - {("audit.row", "audit_row 8")} == also.get(column, set())


async def test_every_column_of_a_row_is_tampered_with(installation: Installation) -> None:
    async with sealed(installation) as database, database.acquire() as conn:
        columns = await conn.fetch(
            "SELECT column_name AS name FROM information_schema.columns"
            " WHERE table_schema = 'pipeline' AND table_name = 'audit_row'"
        )
    assert {row["name"] for row in columns} == {*COLUMNS, "number"}


async def test_a_changed_field_with_a_digest_that_fits_is_found_in_its_block(
    installation: Installation,
) -> None:
    async with sealed(installation) as database:
        await execute(database, "UPDATE audit_row SET actor = '李强' WHERE number = 8")
        async with trail_of(SERVICE, installation.dsn(SERVICE)) as trail:
            (digest,) = [row_digest(row) async for row in trail.rows if row["number"] == 8]
        await execute(database, "UPDATE audit_row SET digest = $1 WHERE number = 8", digest)
        place = "audit_block 2, audit_row 6–10"
        assert await found(installation) == {("audit.block", place)}


@pytest.mark.parametrize(
    ("rows", "place"),
    [("number = 8", "8"), ("number BETWEEN 7 AND 9", "7–9"), ("number = 1", "1"),
     ("number IN (10, 11)", ""), ("number = 20", "20")],
)  # fmt: skip
async def test_a_deleted_row_is_found(installation: Installation, rows: str, place: str) -> None:
    async with sealed(installation) as database:
        await execute(database, f"DELETE FROM audit_row WHERE {rows}")
        places = [place] if place else ["10", "11"]
        expected = {("audit.row_missing", f"audit_row {one}") for one in places}
        assert await found(installation) == expected


async def test_an_inserted_row_is_found(installation: Installation) -> None:
    async with sealed(installation) as database:
        await execute(database, REWRITTEN, 20, 21)  # behind the end
        await execute(database, REWRITTEN, 20, 0)  # before the start
        assert await found(installation) == {
            ("audit.row_of_no_block", "audit_row 0"),
            ("audit.row_of_no_block", "audit_row 21"),
        }
        await execute(database, "DELETE FROM audit_row WHERE number IN (0, 21)")
        # In the middle, where those behind it make room.
        await execute(database, "UPDATE audit_row SET number = number + 100 WHERE number > 8")
        await execute(database, REWRITTEN, 8, 9)
        await execute(database, "UPDATE audit_row SET number = number - 99 WHERE number > 100")
        assert await found(installation) == {
            ("audit.block", "audit_block 2, audit_row 6–10"),
            ("audit.block", "audit_block 3, audit_row 11–15"),
            ("audit.block", "audit_block 4, audit_row 16–20"),
            ("audit.row_of_no_block", "audit_row 21"),
        }


@pytest.mark.parametrize(
    ("one", "other", "blocks"), [(7, 9, {"2"}), (7, 13, {"2", "3"})], ids=["inside", "across"]
)
async def test_swapped_rows_are_found(
    installation: Installation, one: int, other: int, blocks: set[str]
) -> None:
    async with sealed(installation) as database:
        for before, after in ((one, 99), (other, one), (99, other)):
            swap = "UPDATE audit_row SET number = $2 WHERE number = $1"
            await execute(database, swap, before, after)
        places = await found(installation)
        assert {check for check, _ in places} == {"audit.block"}
        assert {place.split(",")[0] for _, place in places} == {f"audit_block {n}" for n in blocks}


@pytest.mark.parametrize(
    ("change_of", "expected"),
    [
        (
            "hash = sha256(hash)",
            {
                ("audit.block", "audit_block 2, audit_row 6–10"),
                ("audit.block_previous", "audit_block 3"),
            },
        ),
        (
            "previous = sha256(previous)",
            {
                ("audit.block", "audit_block 2, audit_row 6–10"),
                ("audit.block_previous", "audit_block 2"),
            },
        ),
        (
            "sealed_at = sealed_at - interval '1 day'",
            {("audit.block", "audit_block 2, audit_row 6–10")},
        ),
        (
            "last = last - 1",
            {
                ("audit.block", "audit_block 2, audit_row 6–9"),
                ("audit.block_first", "audit_block 3"),
                ("audit.row_of_no_block", "audit_row 10"),
            },
        ),
        (
            "first = first + 1",
            {
                ("audit.block", "audit_block 2, audit_row 7–10"),
                ("audit.block_first", "audit_block 2"),
                ("audit.row_of_no_block", "audit_row 6"),
            },
        ),
    ],
)
async def test_a_changed_block_is_found(
    installation: Installation, change_of: str, expected: set[tuple[str, str]]
) -> None:
    async with sealed(installation) as database:
        await execute(database, f"UPDATE audit_block SET {change_of} WHERE number = 2")
        assert await found(installation) == expected


async def test_a_deleted_block_is_found_with_its_rows_and_without(
    installation: Installation,
) -> None:
    async with sealed(installation) as database:
        await execute(database, "DELETE FROM audit_block WHERE number = 2")
        rows = {("audit.row_of_no_block", f"audit_row {number}") for number in range(6, 11)}
        assert await found(installation) == {("audit.block_missing", "audit_block 2"), *rows}
        await execute(database, "DELETE FROM audit_row WHERE number BETWEEN 6 AND 10")
        assert await found(installation) == {("audit.block_missing", "audit_block 2")}


async def test_a_cut_tail_is_found_by_the_head(installation: Installation) -> None:
    async with sealed(installation) as database:
        await cut(database, head=False)
        assert await found(installation) == {("audit.head", "audit_head")}


async def test_a_cut_tail_with_a_head_that_fits_is_found_by_an_anchor_alone(
    installation: Installation,
) -> None:
    async with sealed(installation) as database:
        kept = await anchor(installation)
        await cut(database, head=True)
        assert await found(installation) == set()
        assert await found(installation, [kept]) == {("audit.cut", "audit_block 4")}
        # The trail goes on, and block 4 is there again: another one.
        await ask(database, change("之后"))
        await seal(database)
        assert await found(installation) == set()
        assert await found(installation, [kept]) == {("audit.anchor", "audit_block 4")}


async def test_a_trail_that_was_rewritten_as_a_whole_is_found_by_an_anchor_alone(
    installation: Installation,
) -> None:
    async with sealed(installation) as database:
        kept = await anchor(installation)
        assert await found(installation, [kept]) == set()
        await execute(database, "UPDATE audit_row SET actor = '李强' WHERE number = 8")
        await rewrite(installation, database)
        assert await found(installation) == set()
        assert await found(installation, [kept]) == {("audit.anchor", "audit_block 4")}


async def test_the_trail_of_another_service_is_found(installation: Installation) -> None:
    async with sealed(installation):
        pass
    async with installation.open("targets") as database:
        await ask(database, change())
        await seal(database)  # a sealer of the pipeline, on the tables of targets
    findings = await examined(installation, service="targets")
    assert {finding.check for finding in findings} == {"audit.block", "audit.block_previous"}


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE audit_pending SET content = replace(content::text, '灯塔', '海鸥')::json",
        "UPDATE audit_pending SET digest = sha256(digest)",
        """UPDATE audit_pending SET content = '{"actor": 1.0, "actor": 2}'""",
    ],
)
async def test_a_changed_row_is_found_before_it_is_sealed(
    installation: Installation, tampering: str
) -> None:
    async with sealed(installation) as database:
        await ask(database, change("灯塔"))
        assert await found(installation) == set()
        await execute(database, tampering)
        ((check, place),) = await found(installation)
        assert check == "audit.pending"
        assert place.startswith("audit_pending ")


async def test_a_row_that_was_changed_before_it_was_sealed_is_found_afterwards(
    installation: Installation,
) -> None:
    async with sealed(installation) as database:
        await ask(database, change("灯塔"))
        tampering = "UPDATE audit_pending SET content = replace(content::text, '灯', '海')::json"
        await execute(database, tampering)
        await seal(database)
        assert await found(installation) == {("audit.row", "audit_row 21")}


@pytest.mark.parametrize(
    ("tampering", "check"),
    [("DELETE FROM audit_head", "audit.head"), ("UPDATE audit_head SET number = 3", "audit.head")],
)
async def test_a_changed_head_is_found(
    installation: Installation, tampering: str, check: str
) -> None:
    async with sealed(installation) as database:
        await execute(database, tampering)
        assert await found(installation) == {(check, "audit_head")}


async def test_a_change_that_waits_too_long_is_told_as_open(installation: Installation) -> None:
    async with sealed(installation) as database:
        await ask(database, change("灯塔"))
        await execute(database, "UPDATE audit_pending SET noted_at = now() - interval '1 hour'")
        (finding,) = await examined(installation)
        assert (finding.check, finding.kind) == ("audit.unsealed", Kind.OPEN)
