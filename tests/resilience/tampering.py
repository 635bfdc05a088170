"""Tampering with an installation at rest: one cent, one number, one day or one row, and undone."""

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Any, Final
from uuid import UUID

import asyncpg

CENT = Decimal("0.01")
_PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?")
# What is said once, in passing, and nothing that is kept depends on. The figures that a message
# of pay was worked out from are held against the incentive only as long as it is the last one.
_IN_PASSING: Final = {"incentive.recalculated": {"measured", "quota", "attainment"}}
_CHASSIS: Final = {
    "event_log": "delete twice:number count:number count:aggregate_version id:event_id "
    "id:previous_event_id id:aggregate_id json:payload word:type",
    "relay": "delete count:head id:head_event_id",
}
_READING: Final = {
    "watermark": "delete count:number id:event_id word:consumer word:source",
    "fact": "delete count:version count:number count:partition json:body id:id word:kind "
    "word:source word:origin day:learned_at",
}
_DIRECTORY: Final = {
    "directory_unit": "delete count:version id:unit_id word:name word:kind",
    "directory_placement": "delete count:version id:unit_id id:parent_id day:valid_from",
    "directory_member": "delete count:version id:member_id word:external_source word:external_id",
    "directory_assignment": "delete count:version id:member_id id:unit_id day:valid_from",
    "directory_post": "delete id:member_id id:unit_id day:starts",
    "unit_line": "delete id:unit_id id:above_id",
}
PLACES: Final[Mapping[str, Mapping[str, str]]] = {
    "pipeline": {
        **_CHASSIS,
        **_DIRECTORY,
        "deal": "delete count:version cent:amount json:lines json:shares day:opened_on "
        "day:closed_on id:owner_id id:account_id word:name word:currency id:id",
        "account": "delete count:version word:name",
        "product": "delete count:version cent:list_price word:name word:code word:line",
        "idempotency": "json:body",
    },
    "targets": {
        **_CHASSIS,
        **_READING,
        **_DIRECTORY,
        "unit": "delete count:version word:name word:kind",
        "unit_placement": "delete day:valid_from id:parent_id id:unit_id",
        "member": "delete count:version id:id",
        "assignment": "delete day:valid_from id:unit_id id:member_id",
        "target": "delete count:version cent:value day:starts day:ends id:scope_id id:id "
        "id:attainment_id word:metric word:period word:currency",
        "attainment": "delete cent:actual count:deals day:starts day:ends count:partition id:id "
        "id:scope_id word:metric word:period word:currency",
        "attainment_entry": "delete twice:cause_id cent:amount count:deals count:fact_version "
        "count:number count:partition id:fact_id id:attainment_id word:source",
    },
    "performance": {
        **_CHASSIS,
        **_READING,
        **_DIRECTORY,
        "plan": "delete count:version word:name id:id",
        "plan_version": "delete count:number day:valid_from json:components word:currency "
        "id:plan_id",
        "plan_assignment": "delete count:version day:valid_from day:valid_to id:payee_id "
        "id:plan_id id:id",
        "credit": "delete twice:id cent:quota_amount cent:commission_amount day:occurred_on "
        "count:fact_version count:number count:partition id:payee_id id:fact_id id:cause_id "
        "word:metric word:currency word:source",
        "quota": "delete count:version cent:value id:target_id id:scope_id word:metric "
        "word:period word:currency",
        "quota_actual": "delete count:version cent:actual id:target_id count:partition",
        "incentive": "delete cent:amount count:version count:plan_version json:trace "
        "id:payee_id id:plan_id word:period word:component word:currency",
        "incentive_entry": "delete twice:id cent:amount count:tier count:plan_version "
        "id:correlation_id id:payee_id id:plan_id word:period word:component word:currency "
        "word:cause_source",
    },
    "knowledge": {
        **_READING,
        **_DIRECTORY,
        "win_count": "delete count:deals count:partition word:period",
    },
}
"""What may be tampered with: service, table, and how in which column.

``delete`` a row, insert it ``twice`` under another key, move a number by a ``cent`` or by one
(``count``), a date by a ``day``, a number inside a ``json`` value by a cent; another ``id`` or
``word``.
"""

# Where the figure that depends on a row is named rather than the row.
_ALSO: Final[Mapping[str, Sequence[str]]] = {
    "event_log": ("relay",),
    "relay": ("event_log",),
    "plan_version": ("plan", "incentive", "idempotency"),
    "attainment_entry": ("attainment",),
    "incentive_entry": ("incentive",),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is tampered with, and how."""

    service: str
    table: str
    how: str
    column: str

    def is_named_by(self, where: str) -> bool:
        """Tell whether a finding points at the table, or at what follows from it."""
        tables = (self.table, *_ALSO.get(self.table, ()))
        return any(where.startswith(f"{self.service}.{table} ") for table in tables)


def all_places(partitions: int) -> list[Place]:
    """Return every table and every way."""
    known = [
        Place(service, table, *way.partition(":")[::2])
        for service, tables in PLACES.items()
        for table, ways in tables.items()
        for way in ways.split()
    ]
    if partitions > 1:  # the sum over partitions is told as far as its writer saw it
        known = [place for place in known if place.column != "payload"]
    return known


def places(dice: Random, partitions: int) -> Iterator[Place]:
    """Yield places for ever, in random order, none more often than another."""
    known = all_places(partitions)
    while True:
        dice.shuffle(known)
        yield from known


Way = Callable[[Place, asyncpg.Record, Random], Awaitable[str | None]]


class Tampering:
    """A hand in the tables of one service; everything can be put back as it was."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection
        self._ways: Mapping[str, Way] = {
            "delete": self._delete,
            "twice": self._twice,
            "cent": self._cent,
            "count": self._one,
            "day": self._one,
            "id": self._id,
            "word": self._word,
            "json": self._json,
        }

    async def keep(self, tables: Sequence[str]) -> None:
        """Remember the tables as they are."""
        for table in tables:
            await self._connection.execute(f"CREATE TABLE kept_{table} AS TABLE {table}")

    async def restore(self, table: str) -> None:
        """Put a table back as it was."""
        async with self._connection.transaction():
            await self._connection.execute(f"DELETE FROM {table}")
            await self._connection.execute(
                f"INSERT INTO {table} OVERRIDING SYSTEM VALUE TABLE kept_{table}"
            )

    async def tamper(self, place: Place, dice: Random) -> str | None:
        """Change one thing at a place; return what was done, None where nothing can be done.

        Nothing can be done in an empty table, or where the database itself refuses.
        """
        rows = await self._connection.fetch(
            f"SELECT t.*, tableoid AS at_table, ctid AS at_row FROM {place.table} AS t"
        )
        if not rows:
            return None
        try:
            return await self._ways[place.how](place, dice.choice(rows), dice)
        except asyncpg.IntegrityConstraintViolationError:
            return None

    async def _delete(self, place: Place, row: asyncpg.Record, _: Random) -> str:
        await self._connection.execute(
            f"DELETE FROM {place.table} WHERE tableoid = $1 AND ctid = $2",
            row["at_table"],
            row["at_row"],
        )
        return f"deleted {dict(row)}"

    async def _twice(self, place: Place, row: asyncpg.Record, dice: Random) -> str:
        """Insert a row again, under another key."""
        names = [name for name in dict(row) if name not in {"at_table", "at_row", "sequence"}]
        other: object = UUID(int=dice.getrandbits(128))
        if place.column == "number":
            other = row["number"] + 1
        values = [other if name == place.column else row[name] for name in names]
        places = ", ".join(f"${number}" for number in range(1, len(names) + 1))
        await self._connection.execute(
            f"INSERT INTO {place.table} ({', '.join(names)}) VALUES ({places})", *values
        )
        return f"repeated {dict(row)} as {other}"

    async def _cent(self, place: Place, row: asyncpg.Record, dice: Random) -> str | None:
        return await self._moved(place, row, dice.choice((-CENT, CENT)))

    async def _one(self, place: Place, row: asyncpg.Record, dice: Random) -> str | None:
        return await self._moved(place, row, dice.choice((-1, 1)))

    async def _moved(self, place: Place, row: asyncpg.Record, step: Decimal | int) -> str | None:
        if row[place.column] is None:
            return None
        kind = "integer" if isinstance(step, int) else "numeric"
        if isinstance(row[place.column], datetime):
            kind = "interval"
            step = step * 86_400
        value = f"{place.column} + $3::text::{kind}"
        return await self._set(place, row, value, str(step))

    async def _id(self, place: Place, row: asyncpg.Record, dice: Random) -> str:
        other = str(UUID(int=dice.getrandbits(128)))
        return await self._set(place, row, "$3::text::uuid", other)

    async def _word(self, place: Place, row: asyncpg.Record, _: Random) -> str:
        return await self._set(place, row, f"{place.column} || $3::text", "改")

    async def _json(self, place: Place, row: asyncpg.Record, dice: Random) -> str | None:
        """Move one number inside a JSON value by a cent."""
        raw = row[place.column]
        body = json.loads(raw)
        passing: set[str] = set()
        if place.column == "payload":
            passing = _IN_PASSING.get(".".join(row["type"].split(".")[2:-1]), set())
        leaves = list(_leaves(body, passing))
        if not leaves:
            return None
        held, key = dice.choice(leaves)
        before = held[key]
        held[key] = format(Decimal(before) + dice.choice((-CENT, CENT)), "f")
        text = json.dumps(body, ensure_ascii=False)
        value = "convert_to($3::text, 'UTF8')" if isinstance(raw, bytes) else "$3::text::json"
        done = await self._set(place, row, value, text)
        return f"{key} {before} -> {held[key]} in {done}"

    async def _set(self, place: Place, row: asyncpg.Record, value: str, step: str) -> str:
        await self._connection.execute(
            f"UPDATE {place.table} SET {place.column} = {value} WHERE tableoid = $1 AND ctid = $2",
            row["at_table"],
            row["at_row"],
            step,
        )
        return f"{place.column} by {step[:60]} in {dict(row)}"


def _leaves(body: object, passing: set[str]) -> Iterator[tuple[Any, Any]]:
    """Yield (container, key) of every number in a JSON value; numbers are text in it."""
    parts: Iterable[tuple[object, object]] = ()
    if isinstance(body, dict):
        parts = body.items()
    elif isinstance(body, list):
        parts = enumerate(body)
    for key, value in parts:
        if key in passing:
            continue
        if isinstance(value, dict | list):
            yield from _leaves(value, passing)
        elif isinstance(value, str) and _PLAIN.fullmatch(value):
            yield body, key
