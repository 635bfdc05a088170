"""What can be asked of mapping profiles."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from shared.audit.model import Change
from shared.context import Context
from shared.db import Connection
from shared.errors import Invalid
from shared.events import outbox
from shared.jobs.importer import Importer
from shared.jobs.mapping import MappingProfile, check, dumped
from shared.jobs.profiles import store
from shared.jobs.profiles.store import Stored


class ProfileUnknown(Invalid):
    """A mapping profile is named that is not there."""

    en = "There is no mapping profile {name} for {noun}; there are: {names}."
    zh = "{noun} 没有映射方案 {name}；可用的有：{names}。"


@cache
def shipped(folder: Path, noun: str) -> tuple[Stored, ...]:
    """Return the profiles that come with a service: ``<folder>/<noun>.<name>.json``."""
    return tuple(
        Stored(
            noun,
            path.name.removeprefix(f"{noun}.").removesuffix(".json"),
            0,
            MappingProfile.model_validate_json(path.read_bytes()),
        )
        for path in sorted(folder.glob(f"{noun}.*.json"))
    )


async def known(conn: Connection, folder: Path, noun: str) -> Sequence[Stored]:
    """Return all profiles of a noun by name; a stored one beats a shipped one of its name."""
    found = {one.name: one for one in shipped(folder, noun)}
    found |= {one.name: one for one in await store.newest(conn, noun, None)}
    return [found[name] for name in sorted(found)]


async def named(conn: Connection, folder: Path, noun: str, name: str) -> Stored:
    """Return a profile by name; raises ProfileUnknown."""
    found = await known(conn, folder, noun)
    for one in found:
        if one.name == name:
            return one
    names = [one.name for one in found] or "–"
    raise ProfileUnknown(name=name, noun=noun, names=names, pointer="?profile")


async def put(
    conn: Connection, ctx: Context, *, importer: Importer, name: str, profile: MappingProfile
) -> Stored:
    """Store a new version of a profile; the same again changes nothing.

    Two at once: one of them is tried again and finds the other's version.
    """
    check(profile, importer)
    last = await store.newest(conn, importer.noun, name)
    if last and last[0].profile == profile:
        return last[0]
    stored = Stored(importer.noun, name, last[0].version + 1 if last else 1, profile)
    await store.add(conn, stored, ctx.now, ctx.actor)
    before = dumped(last[0].profile) if last else None
    subject = f"{importer.noun}/{name}"
    made = Change("mapping_profile", "saved", subject, stored.version, before, dumped(profile))
    await outbox.note(conn, ctx, made)
    return stored
