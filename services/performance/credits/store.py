"""Credits in the database: an append-only ledger."""

from collections.abc import Sequence
from typing import Final, LiteralString

from services.performance.credits.model import Amounts, CreditKey, Entry
from shared.contracts.targets import Metric
from shared.db import Connection, Row, columns

_APPEND: Final[LiteralString] = """
    INSERT INTO credit (
        id, payee_id, occurred_on, metric, currency, quota_amount, commission_amount,
        fact_id, fact_version, cause_id, source, partition, number, posted_at)
    SELECT c.id, c.payee_id, c.occurred_on, c.metric, c.currency, c.quota_amount,
           c.commission_amount, c.fact_id, c.fact_version, c.cause_id, c.source, c.partition,
           c.number, c.posted_at
      FROM unnest($1::uuid[], $2::uuid[], $3::date[], $4::text[], $5::text[], $6::numeric[],
                  $7::numeric[], $8::uuid[], $9::bigint[], $10::uuid[], $11::text[],
                  $12::smallint[], $13::bigint[], $14::timestamptz[])
           AS c (id, payee_id, occurred_on, metric, currency, quota_amount,
                 commission_amount, fact_id, fact_version, cause_id, source, partition, number,
                 posted_at)
"""
_CLEAR: Final[LiteralString] = """
    DELETE FROM credit
"""


async def clear(conn: Connection) -> None:
    """Empty the ledger, to post it anew."""
    await conn.execute(_CLEAR)


async def append_many(conn: Connection, entries: Sequence[Entry]) -> None:
    """Append entries to the ledger; the same cause cannot post twice."""
    rows = [
        (
            entry.id,
            *entry.key,
            *entry.amounts,
            entry.fact_id,
            entry.fact_version,
            entry.cause_id,
            entry.source,
            entry.partition,
            entry.number,
            entry.posted_at,
        )
        for entry in entries
    ]
    await conn.execute(_APPEND, *columns(rows, 14))


def to_entry(row: Row) -> Entry:
    """Return a row as an entry."""
    key = CreditKey(row["payee_id"], row["occurred_on"], Metric(row["metric"]), row["currency"])
    return Entry(
        id=row["id"],
        key=key,
        amounts=Amounts(row["quota_amount"], row["commission_amount"]),
        fact_id=row["fact_id"],
        fact_version=row["fact_version"],
        cause_id=row["cause_id"],
        source=row["source"],
        partition=row["partition"],
        number=row["number"],
        posted_at=row["posted_at"],
    )
