"""A filter means the same as SQL and as a predicate, whatever the tree and the row."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, LiteralString
from uuid import UUID

import asyncpg
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.filters.condition import to_condition
from shared.filters.fields import Field
from shared.filters.kinds import MANY, Kind, Op, write
from shared.filters.predicate import to_predicate
from shared.filters.tree import Tree, build, dump, parse
from shared.sql import Condition, Parameters
from tests.service.conftest import Servers

IDS: Final = [UUID(int=n) for n in (1, 2, 3)]
STAGES: Final = ("open", "won", "lost")
# 3 lies below 2, and 2 below 1 from a day on; both statements of it say the same.
LINES: Final[LiteralString] = """
    (SELECT l.below
       FROM (VALUES ('00000000-0000-0000-0000-000000000001'::uuid,
                     '00000000-0000-0000-0000-000000000002'::uuid, '2025-03-31'::date),
                    ('00000000-0000-0000-0000-000000000001'::uuid,
                     '00000000-0000-0000-0000-000000000003'::uuid, '2025-03-31'::date),
                    ('00000000-0000-0000-0000-000000000002'::uuid,
                     '00000000-0000-0000-0000-000000000003'::uuid, '1900-01-01'::date))
            AS l (above, below, since)
      WHERE l.above = """


def below(column: LiteralString, above: UUID, on: date) -> Condition:
    """Return the condition that a column's id lies under another on a day, or is it."""

    def where(parameters: Parameters) -> LiteralString:
        it, day = parameters.add(above) + "::uuid", parameters.add(on) + "::date"
        under = column + " IN " + LINES + it + " AND l.since <= " + day + ")"
        return column + " = " + it + " OR " + under

    return where


def lies_under(_: str, held: object, above: UUID, on: date) -> bool:
    """Tell the same of one value."""
    is_under_two = (above, held) == (IDS[1], IDS[2])
    is_under_one = above == IDS[0] and held in IDS[1:] and on >= date(2025, 3, 31)
    return held == above or is_under_two or is_under_one


FIELDS: Final = {
    "name": Field(Kind.TEXT, "r.name", nullable=True),
    "stage": Field(Kind.CHOICE, "r.stage", nullable=True, choices=STAGES),
    "amount": Field(Kind.DECIMAL, "r.amount", nullable=True),
    "count": Field(Kind.INTEGER, "r.count", nullable=True),
    "day": Field(Kind.DATE, "r.day", nullable=True),
    "moment": Field(Kind.INSTANT, "r.moment", nullable=True),
    "owner": Field(Kind.ID, "r.owner", nullable=True, below=below),
    "large": Field(Kind.BOOLEAN, "r.large", nullable=True),
    "members": Field(Kind.IDS, "r.members", nullable=True),
}
SELECT: Final[LiteralString] = """
    SELECT r.place
      FROM unnest($1::int[], $2::text[], $3::text[], $4::numeric[], $5::bigint[], $6::date[],
                  $7::timestamptz[], $8::uuid[], $9::boolean[], $10::text[])
           AS t (place, name, stage, amount, count, day, moment, owner, large, listed)
      CROSS JOIN LATERAL (
        SELECT t.place, t.name, t.stage, t.amount, t.count, t.day, t.moment, t.owner, t.large,
               t.listed::uuid[] AS members) AS r
     WHERE """

# Few values, so that they meet, and any others; among them what text functions trip over.
TEXTS: Final = [
    "华东大区",
    "华东",
    "Ａ级",
    "a%b_c",
    "A%B_C",
    "É",
    "é",
    "ﬀ",
    "\u017f",
    "K",
    "İ",
    "\\",
    "z",
]
LETTERS: Final = "华东区aAbBzÉé\uff21\uff41\uff111%_\\'\"* "
VALUES: Final[dict[Kind, st.SearchStrategy[Any]]] = {
    Kind.TEXT: st.sampled_from(TEXTS)
    | st.text(LETTERS, min_size=1, max_size=4).filter(str.strip)
    | st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=8),
    Kind.CHOICE: st.sampled_from(STAGES),
    Kind.DECIMAL: st.sampled_from(
        [Decimal(text) for text in ("0", "0.1", "0.10", "-3.000001", "999999999999999.999999")]
    )
    | st.decimals(min_value=-(10**15) + 1, max_value=10**15 - 1, places=6),
    Kind.INTEGER: st.sampled_from([-(2**62), -1, 0, 1, 2**62]),
    Kind.DATE: st.sampled_from([date(1900, 1, 1), date(2025, 3, 31), date(2199, 12, 31)])
    | st.dates(date(1900, 1, 1), date(2199, 12, 31)),
    Kind.INSTANT: st.sampled_from(
        [datetime(2025, 3, 31, 16, tzinfo=UTC) + timedelta(microseconds=n) for n in (0, 1, 999_999)]
    ),
    Kind.ID: st.sampled_from(IDS),
    Kind.BOOLEAN: st.booleans(),
    Kind.IDS: st.sampled_from(IDS),
}


def rows() -> st.SearchStrategy[dict[str, Any]]:
    """Rows of all kinds of values, any of them missing."""
    held = {
        name: st.none()
        | (st.lists(VALUES[Kind.IDS]) if field.kind is Kind.IDS else VALUES[field.kind])
        for name, field in FIELDS.items()
    }
    return st.fixed_dictionaries(held)


@st.composite
def comparisons(draw: st.DrawFn) -> dict[str, Any]:
    """Comparisons as they are sent."""
    name = draw(st.sampled_from(sorted(FIELDS)))
    op = draw(st.sampled_from(sorted(FIELDS[name].ops)))
    values = VALUES[FIELDS[name].kind].map(write)
    value: object = draw(values)
    if op is Op.IS_NULL:
        value = draw(st.booleans())
    elif op is Op.UNDER:
        value = {"id": value, "on": draw(VALUES[Kind.DATE].map(write))}
    elif op in MANY:
        value = draw(st.lists(values, min_size=1, max_size=3))
    return {"field": name, "op": op.value, "value": value}


TREES: Final = st.recursive(
    comparisons(),
    lambda parts: (
        st.builds(
            lambda word, inner: {word: inner},
            st.sampled_from(["and", "or"]),
            st.lists(parts, min_size=1, max_size=3),
        )
        | parts.map(lambda part: {"not": part})
    ),
    max_leaves=6,
)


async def by_sql(
    conn: "asyncpg.Connection[asyncpg.Record]", tree: Tree, held: list[dict[str, Any]]
) -> list[int]:
    """Return the places of the rows that the database finds."""
    columns = [[row[name] for row in held] for name in FIELDS if name != "members"]
    members = [
        None if row["members"] is None else "{" + ",".join(map(str, row["members"])) + "}"
        for row in held
    ]
    parameters = Parameters(list(range(len(held))), *columns, members)
    statement = SELECT + to_condition(tree, FIELDS)(parameters) + " ORDER BY r.place"
    return [row["place"] for row in await conn.fetch(statement, *parameters.values)]


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(tree=TREES, held=st.lists(rows(), max_size=8))
async def test_a_filter_finds_the_same_rows_as_sql_and_as_a_predicate(
    connection: "asyncpg.Connection[asyncpg.Record]", tree: dict[str, Any], held: list[Any]
) -> None:
    asked = parse(orjson.dumps(tree), FIELDS, "?filter")
    assert build(dump(asked), FIELDS, "/condition") == asked
    predicate = to_predicate(asked, lies_under)
    expected = [place for place, row in enumerate(held) if predicate(row)]
    assert await by_sql(connection, asked, held) == expected


@pytest.fixture(scope="module")
async def connection(servers: Servers) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    conn = await asyncpg.connect(servers.postgres.dsn("postgres"))
    yield conn
    await conn.close()
