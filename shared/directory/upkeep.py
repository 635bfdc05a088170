"""Keeping the directory: facts are taken at their highest versions, the rest follows from them.

Whatever order facts come in, and however often, the rows are the same in the end.
"""

from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from datetime import date
from itertools import islice
from typing import Final, TypeAlias, TypeVar
from uuid import UUID

from shared.contracts.contract import Contract
from shared.contracts.targets import MemberAssigned, MemberSaved, UnitPlaced, UnitSaved
from shared.db import Connection
from shared.directory import closure, queries, store
from shared.events.outbox import partition_of
from shared.events.snapshot import Stretch

F = TypeVar("F", bound=Contract)
Key: TypeAlias = tuple[Hashable, UUID, date | None]

UNITS_AT_ONCE: Final = 1_000
"""Of how many units the lines are held in memory at a time."""


async def apply(conn: Connection, facts: Iterable[Contract]) -> None:
    """Take facts of the organisation, and derive who is posted where and who is above whom.

    The caller's transaction must be the only one that takes facts of these subjects. Other
    contracts are left alone.
    """
    told = newest(facts)
    saved, placed = _of(UnitSaved, told), _of(UnitPlaced, told)
    if saved or placed:
        await store.lock(conn)
        await store.save_units(conn, saved)
        moved = await store.save_placements(conn, placed)
        await _derive_lines(
            conn, moved | await store.without_line(conn, {unit.unit_id for unit in saved})
        )
    if members := _of(MemberSaved, told):
        await store.save_members(conn, members)
    if assigned := _of(MemberAssigned, told):
        await store.derive_posts(conn, await store.save_assignments(conn, assigned))


async def correct(conn: Connection, stretch: Stretch, partitions: int) -> int:
    """Know just what a stretch of the source says; return how many subjects were otherwise.

    Versions count for nothing here: after a restore the source has lower ones.
    """
    await store.lock(conn)
    kept = await queries.facts(conn, stretch.after, stretch.last)
    known = _by_subject(
        fact for fact in kept if partition_of(fact.subject.int, partitions) == stretch.partition
    )
    told = _by_subject(event.content for event in stretch.events if event.content is not None)
    wrong = {one for one in known.keys() | told.keys() if known.get(one) != told.get(one)}
    await put_right(conn, wrong, [fact for subject in wrong for fact in told.get(subject, ())])
    return len(wrong)


async def put_right(
    conn: Connection, subjects: Collection[UUID], facts: Sequence[Contract]
) -> None:
    """Know just these facts of these subjects, whatever was known and at which version."""
    await store.lock(conn)
    await store.forget_many(conn, subjects)
    await store.save_units(conn, _of(UnitSaved, facts))
    await store.save_placements(conn, _of(UnitPlaced, facts))
    await store.save_members(conn, _of(MemberSaved, facts))
    await store.save_assignments(conn, _of(MemberAssigned, facts))
    await _derive_lines(conn, subjects)
    await store.derive_posts(conn, subjects)


def newest(facts: Iterable[Contract]) -> Sequence[Contract]:
    """Return each fact at its highest version; what holds from a date is a fact of that date."""
    found: dict[Key, Contract] = {}
    for fact in facts:
        key = fact.TYPE, fact.subject, getattr(fact, "valid_from", None)
        if key not in found or found[key].version < fact.version:
            found[key] = fact
    return list(found.values())


def _of(contract: type[F], told: Iterable[Contract]) -> Sequence[F]:
    return [fact for fact in told if isinstance(fact, contract)]


def _by_subject(facts: Iterable[Contract]) -> dict[UUID, set[Contract]]:
    found: dict[UUID, set[Contract]] = {}
    for fact in facts:
        found.setdefault(fact.subject, set()).add(fact)
    return found


async def _derive_lines(conn: Connection, moved: Collection[UUID]) -> None:
    """Derive the lines of the units that moved and of all below them; the rest stays untouched."""
    if not moved:
        return
    for unit_ids in _parts(await store.moved_with(conn, moved)):
        steps = closure.steps_of(await store.placements_above(conn, unit_ids))
        right: set[closure.Line] = set()
        for unit_id in await store.present(conn, unit_ids):
            right |= closure.lines(steps, unit_id)
        held = await store.lines_of(conn, unit_ids)
        if held != right:
            await store.change_lines(conn, gone=held - right, new=right - held)


def _parts(unit_ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    rest = iter(unit_ids)
    while part := list(islice(rest, UNITS_AT_ONCE)):
        yield part
