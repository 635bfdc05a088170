"""Deals in the database. Lines and shares are part of the row: they are never read without it."""

from collections.abc import Sequence
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
from shared.ratio import plain

# One row holds all of a deal, so whoever waits for its lock sees all of it as it is then.
WHOLE: Final[LiteralString] = """
    SELECT d.id, d.version, d.name, d.stage, d.owner_id, d.account_id, d.amount, d.currency,
           d.lines, d.shares, d.opened_on, d.closed_on, d.external_source, d.external_id
      FROM deal AS d
"""
_LOCK: Final[LiteralString] = (
    WHOLE
    + """
     WHERE d.id = ANY($1::uuid[])
     ORDER BY d.id
       FOR UPDATE
"""
)
_LOCK_EXTERNAL: Final[LiteralString] = (
    WHOLE
    + """
      JOIN unnest($1::text[], $2::text[]) AS wanted (source, id)
        ON d.external_source = wanted.source AND d.external_id = wanted.id
     ORDER BY d.id
       FOR UPDATE OF d
"""
)
_SAVE: Final[LiteralString] = (
    outbox.APPENDING
    + """
    INSERT INTO deal (
        id, version, name, stage, owner_id, account_id, amount, currency, lines, shares,
        opened_on, closed_on, external_source, external_id, member_ids)
    SELECT d.id, d.version, d.name, d.stage, d.owner_id, d.account_id, d.amount, d.currency,
           d.lines, d.shares, d.opened_on, d.closed_on, d.external_source, d.external_id,
           share_members(d.shares)
      FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::uuid[], $7::uuid[],
                  $8::numeric[], $9::text[], $10::jsonb[], $11::jsonb[], $12::date[],
                  $13::date[], $14::text[], $15::text[])
           AS d (id, version, name, stage, owner_id, account_id, amount, currency, lines,
                 shares, opened_on, closed_on, external_source, external_id)
    ON CONFLICT (id) DO UPDATE
       SET version = excluded.version, name = excluded.name, stage = excluded.stage,
           owner_id = excluded.owner_id, account_id = excluded.account_id,
           amount = excluded.amount, currency = excluded.currency, lines = excluded.lines,
           shares = excluded.shares, opened_on = excluded.opened_on,
           closed_on = excluded.closed_on, member_ids = excluded.member_ids
"""
)


async def lock_many(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, Deal]:
    """Return the deals of these ids, locked in the order of their ids."""
    return {row["id"]: to_deal(row) for row in await conn.fetch(_LOCK, ids)}


async def lock_external_many(
    conn: Connection, externals: Sequence[External]
) -> dict[External, Deal]:
    """Return the deals of these external ids, locked in the order of their ids."""
    sources, ids = [e.source for e in externals], [e.id for e in externals]
    deals = [to_deal(row) for row in await conn.fetch(_LOCK_EXTERNAL, sources, ids)]
    return {deal.external: deal for deal in deals if deal.external is not None}


async def save_many(conn: Connection, deals: Sequence[Deal], events: str) -> None:
    """Write deals and the events that tell of them in one statement."""
    await conn.execute(_SAVE, events, *columns([_row(deal) for deal in deals], 14))


def _row(deal: Deal) -> tuple[object, ...]:
    terms = deal.terms
    return (
        deal.id,
        deal.version,
        terms.name,
        deal.stage.value,
        terms.owner_id,
        terms.account_id,
        terms.amount.amount,
        terms.amount.currency,
        _json([_line(line) for line in terms.lines]),
        _json([_share(share) for share in terms.shares]),
        terms.opened_on,
        deal.closed_on,
        None if deal.external is None else deal.external.source,
        None if deal.external is None else deal.external.id,
    )


# Numbers are text inside JSON, so that no decimal is ever read as a binary float.
def _line(line: Line) -> dict[str, object]:
    return {
        "product_id": line.product_id,
        "quantity": plain(line.quantity),
        "amount": plain(line.amount.amount),
    }


def _share(share: Share) -> dict[str, object]:
    return {"member_id": share.member_id, "share": plain(share.share)}


def _json(parts: list[dict[str, object]]) -> str:
    return orjson.dumps(parts, default=str).decode()


def to_deal(row: Row) -> Deal:
    """Return a row of WHOLE as a deal."""
    currency = row["currency"]
    terms = Terms(
        name=row["name"],
        owner_id=row["owner_id"],
        account_id=row["account_id"],
        amount=Money(row["amount"], currency),
        lines=tuple(
            Line(
                UUID(line["product_id"]),
                Decimal(line["quantity"]),
                Money(Decimal(line["amount"]), currency),
            )
            for line in orjson.loads(row["lines"])
        ),
        shares=tuple(
            Share(UUID(share["member_id"]), Decimal(share["share"]))
            for share in orjson.loads(row["shares"])
        ),
        opened_on=row["opened_on"],
    )
    external = None
    if row["external_id"] is not None:
        external = External(row["external_source"], row["external_id"])
    stage = DealStage(row["stage"])
    return Deal(row["id"], row["version"], external, terms, stage, row["closed_on"])
