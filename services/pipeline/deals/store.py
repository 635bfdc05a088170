"""Deals in the database: the deal, its lines and its shares are one aggregate."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final, LiteralString
from uuid import UUID

import orjson

from services.pipeline.deals.model import Deal, Line, Share, Terms
from shared.contracts.pipeline import DealStage
from shared.db import Connection, Row, columns
from shared.events import outbox
from shared.ids import External
from shared.money import Money

# Numbers travel as text inside JSON, so that no decimal is read as a binary float.
WHOLE: Final[LiteralString] = """
    SELECT d.id, d.version, d.name, d.stage, d.owner_id, d.account_id, d.amount, d.currency,
           d.opened_on, d.closed_on, d.external_source, d.external_id,
           (SELECT json_agg(json_build_array(l.product_id, l.quantity::text, l.amount::text)
                            ORDER BY l.ordinal)
              FROM deal_line AS l WHERE l.deal_id = d.id) AS lines,
           (SELECT json_agg(json_build_array(s.member_id, s.share::text) ORDER BY s.ordinal)
              FROM deal_share AS s WHERE s.deal_id = d.id) AS shares
      FROM deal AS d
"""
# Locked first and read after: a statement that waits for a lock sees the row that it waited for
# anew, but lines and shares as they were when it began.
_LOCK: Final[LiteralString] = """
    SELECT id FROM deal WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE
"""
_LOCK_EXTERNAL: Final[LiteralString] = """
    SELECT d.id
      FROM deal AS d
      JOIN unnest($1::text[], $2::text[]) AS wanted (source, id)
        ON d.external_source = wanted.source AND d.external_id = wanted.id
     ORDER BY d.id
       FOR UPDATE OF d
"""
_READ: Final[LiteralString] = WHOLE + "     WHERE d.id = ANY($1::uuid[])"
_SAVE: Final[LiteralString] = (
    "WITH appended AS ("
    + outbox.APPEND
    + """)
    INSERT INTO deal (
        id, version, name, stage, owner_id, account_id, amount, currency, opened_on, closed_on,
        external_source, external_id)
    SELECT d.id, d.version, d.name, d.stage, d.owner_id, d.account_id, d.amount, d.currency,
           d.opened_on, d.closed_on, d.external_source, d.external_id
      FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::uuid[], $7::uuid[],
                  $8::numeric[], $9::text[], $10::date[], $11::date[], $12::text[], $13::text[])
           AS d (id, version, name, stage, owner_id, account_id, amount, currency, opened_on,
                 closed_on, external_source, external_id)
    ON CONFLICT (id) DO UPDATE
       SET version = excluded.version, name = excluded.name, stage = excluded.stage,
           owner_id = excluded.owner_id, account_id = excluded.account_id,
           amount = excluded.amount, currency = excluded.currency,
           opened_on = excluded.opened_on, closed_on = excluded.closed_on
"""
)
_CLEAR_LINES: Final[LiteralString] = """
    DELETE FROM deal_line WHERE deal_id = ANY($1::uuid[])
"""
_CLEAR_SHARES: Final[LiteralString] = """
    DELETE FROM deal_share WHERE deal_id = ANY($1::uuid[])
"""
_SAVE_LINES: Final[LiteralString] = """
    INSERT INTO deal_line (deal_id, ordinal, product_id, quantity, amount)
    SELECT l.deal_id, l.ordinal, l.product_id, l.quantity, l.amount
      FROM unnest($1::uuid[], $2::smallint[], $3::uuid[], $4::numeric[], $5::numeric[])
           AS l (deal_id, ordinal, product_id, quantity, amount)
"""
_SAVE_SHARES: Final[LiteralString] = """
    INSERT INTO deal_share (deal_id, ordinal, member_id, share)
    SELECT s.deal_id, s.ordinal, s.member_id, s.share
      FROM unnest($1::uuid[], $2::smallint[], $3::uuid[], $4::numeric[])
           AS s (deal_id, ordinal, member_id, share)
"""


async def lock_many(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, Deal]:
    """Return the deals of these ids, locked in the order of their ids."""
    locked = await conn.fetch(_LOCK, ids)
    return {deal.id: deal for deal in await _read(conn, locked)}


async def lock_external_many(
    conn: Connection, externals: Sequence[External]
) -> dict[External, Deal]:
    """Return the deals of these external ids, locked in the order of their ids."""
    sources, ids = [e.source for e in externals], [e.id for e in externals]
    deals = await _read(conn, await conn.fetch(_LOCK_EXTERNAL, sources, ids))
    return {deal.external: deal for deal in deals if deal.external is not None}


async def _read(conn: Connection, locked: Sequence[Row]) -> Sequence[Deal]:
    if not locked:
        return ()
    return [to_deal(row) for row in await conn.fetch(_READ, [row["id"] for row in locked])]


async def save_many(
    conn: Connection, changes: Sequence[tuple[Deal | None, Deal]], events: str
) -> None:
    """Write deals (before, after) and the events that tell of them.

    Deals and events go in one statement; lines and shares follow where they differ.
    """
    deals = [after for _, after in changes]
    await conn.execute(_SAVE, events, *_columns(deals))
    await _save_lines(conn, changes)
    await _save_shares(conn, changes)


def _columns(deals: Sequence[Deal]) -> tuple[list[object], ...]:
    rows = [
        (
            deal.id,
            deal.version,
            deal.terms.name,
            deal.stage.value,
            deal.terms.owner_id,
            deal.terms.account_id,
            deal.terms.amount.amount,
            deal.terms.amount.currency,
            deal.terms.opened_on,
            deal.closed_on,
            None if deal.external is None else deal.external.source,
            None if deal.external is None else deal.external.id,
        )
        for deal in deals
    ]
    return columns(rows, 12)


async def _save_lines(conn: Connection, changes: Iterable[tuple[Deal | None, Deal]]) -> None:
    changed = [
        (before, after)
        for before, after in changes
        if (() if before is None else before.terms.lines) != after.terms.lines
    ]
    if not changed:
        return
    await conn.execute(_CLEAR_LINES, [after.id for before, after in changed if before is not None])
    rows = [
        (after.id, ordinal, line.product_id, line.quantity, line.amount.amount)
        for _, after in changed
        for ordinal, line in enumerate(after.terms.lines)
    ]
    await conn.execute(_SAVE_LINES, *columns(rows, 5))


async def _save_shares(conn: Connection, changes: Iterable[tuple[Deal | None, Deal]]) -> None:
    changed = [
        (before, after)
        for before, after in changes
        if before is None or before.terms.shares != after.terms.shares
    ]
    if not changed:
        return
    await conn.execute(_CLEAR_SHARES, [after.id for before, after in changed if before is not None])
    rows = [
        (after.id, ordinal, share.member_id, share.share)
        for _, after in changed
        for ordinal, share in enumerate(after.terms.shares)
    ]
    await conn.execute(_SAVE_SHARES, *columns(rows, 4))


def to_deal(row: Row) -> Deal:
    """Return a row of WHOLE as a deal."""
    currency = row["currency"]
    lines = tuple(
        Line(UUID(product), Decimal(quantity), Money(Decimal(amount), currency))
        for product, quantity, amount in orjson.loads(row["lines"] or "[]")
    )
    shares = tuple(
        Share(UUID(member), Decimal(share)) for member, share in orjson.loads(row["shares"] or "[]")
    )
    terms = Terms(
        name=row["name"],
        owner_id=row["owner_id"],
        account_id=row["account_id"],
        amount=Money(row["amount"], currency),
        lines=lines,
        shares=shares,
        opened_on=row["opened_on"],
    )
    external = None
    if row["external_id"] is not None:
        external = External(row["external_source"], row["external_id"])
    stage = DealStage(row["stage"])
    return Deal(row["id"], row["version"], external, terms, stage, row["closed_on"])
