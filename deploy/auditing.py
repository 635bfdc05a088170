"""``pharos audit``: which trails are meant, whether they are whole, and where they end."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from deploy.audit import anchors
from deploy.audit.anchors import Anchor, AnchorUnreadable
from deploy.audit.arithmetic import instant
from deploy.audit.chain import Chain
from deploy.audit.reading import last_block, trail_of
from deploy.local.running import service_dsns
from deploy.verify.findings import Report
from deploy.verifying import NotVerified, named

T = TypeVar("T")


def databases_of(services: Sequence[str], databases: str | None, data: Path) -> Mapping[str, str]:
    """Return the database of each service that is meant; all that are known for none.

    Raises NotVerified, and EmbeddedError where nothing runs in the folder.
    """
    dsns = service_dsns(data) if databases is None else named(databases)
    if missing := [service for service in services if service not in dsns]:
        raise NotVerified(f"No database is named for {', '.join(missing)}.")
    return {service: dsns[service] for service in services or dsns}


def verified(dsns: Mapping[str, str], anchor: Path | None) -> Report:
    """Return what is wrong with the trails of these services; raises NotVerified."""
    known = () if anchor is None else _kept(anchor)
    return _run(examine(dsns, known))


def ends(dsns: Mapping[str, str]) -> Sequence[Anchor]:
    """Return where the trails of these services end, for keeping elsewhere; raises NotVerified."""
    return _run(_ends(dsns))


async def examine(dsns: Mapping[str, str], known: Sequence[Anchor] = ()) -> Report:
    """Return what is wrong with trails, one service after the other."""
    report = Report()
    for service, dsn in dsns.items():
        async with trail_of(service, dsn) as trail:
            await Chain(report, service, anchors.of_service(known, service)).check(trail)
    return report


async def _ends(dsns: Mapping[str, str]) -> Sequence[Anchor]:
    found = []
    for service, dsn in dsns.items():
        block = await last_block(service, dsn)
        if block is not None:
            at = instant(block["sealed_at"])
            found.append(Anchor(service, block["number"], block["last"], block["hash"].hex(), at))
    return found


def _run(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise NotVerified(f"The databases cannot be read: {error}") from error


def _kept(file: Path) -> Sequence[Anchor]:
    try:
        return anchors.read(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, AnchorUnreadable) as error:
        raise NotVerified(f"{file}: {error}") from error
