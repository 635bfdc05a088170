"""When everything has followed: nothing waits in any service, and every consumer is at its head."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg

from deploy.local.stack import Stack
from deploy.serving import load

LOOK_SECONDS = 0.02
# A service is looked at after those it answers, so what it has not yet read cannot be missed. The
# directory answers nobody: where it was at an earlier look, its source's head must still be.
IN_ORDER = ("pipeline", "targets", "performance", "knowledge")
PUT_OFF = {
    "targets": "SELECT (SELECT count(*) FROM repost) + (SELECT count(*) FROM reorganisation)",
    "performance": "SELECT count(*) FROM recalculation",
}


@dataclass(frozen=True)
class Look:
    """What one service says at one moment."""

    outbox: int
    put_off: int
    heads: Mapping[int, int]
    watermarks: Mapping[tuple[str, str, int], int]


async def settled(stack: Stack, seconds: float = 30) -> Mapping[str, int]:
    """Wait until the whole chain has followed; return the heads of the feeds.

    Raises AssertionError, which says what lags, when that takes too long.
    """
    deadline = time.monotonic() + seconds
    connections = {
        name: await asyncpg.connect(stack.settings[name].database_url) for name in IN_ORDER
    }
    try:
        while lag := await _lag(connections):
            assert time.monotonic() < deadline, f"not settled within {seconds} s: {lag}"
            await asyncio.sleep(LOOK_SECONDS)
        looks = {name: await _look(name, connections[name]) for name in IN_ORDER}
        return {name: sum(look.heads.values()) for name, look in looks.items()}
    finally:
        for connection in connections.values():
            await connection.close()


async def _lag(connections: Mapping[str, asyncpg.Connection]) -> str:
    """Say what has not followed yet, nothing when all has."""
    looks: dict[str, Look] = {}
    for name in IN_ORDER:
        looks[name] = look = await _look(name, connections[name])
        if look.outbox or look.put_off:
            return f"{name} has {look.outbox} events to number, {look.put_off} pieces of work"
    for name, look in looks.items():
        for subscription in load(name).subscriptions:
            for partition, head in looks[subscription.source].heads.items():
                key = (subscription.consumer, subscription.source, partition)
                if look.watermarks.get(key, 0) != head:
                    return f"{name}'s {key} is at {look.watermarks.get(key, 0)} of {head}"
    return ""


async def _look(name: str, connection: asyncpg.Connection) -> Look:
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        put_off = 0 if name not in PUT_OFF else await connection.fetchval(PUT_OFF[name])
        heads = await connection.fetch("SELECT partition, head FROM relay")
        marks = await connection.fetch("SELECT consumer, source, partition, number FROM watermark")
        return Look(
            outbox=await connection.fetchval("SELECT count(*) FROM outbox"),
            put_off=put_off,
            heads={row["partition"]: row["head"] for row in heads},
            watermarks={
                (row["consumer"], row["source"], row["partition"]): row["number"] for row in marks
            },
        )
