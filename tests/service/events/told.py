"""Events for tests: a contract of its own, and a source that tells it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from shared import clock
from shared.context import Context, Installation
from shared.contracts.contract import Contract
from shared.contracts.pipeline import AccountSaved
from shared.db import Connection, Database
from shared.events import outbox
from shared.events.envelope import Event
from shared.ids import new_id

NAMES = ("上海灯塔科技有限公司", "北京海鸥", "Acme", "深圳北斗")


def context(partitions: int = 1) -> Context:
    """Return the context of a request."""
    return Context("tester", clock.now(), new_id(), Installation(partitions))


def account(account_id: UUID | None = None, version: int = 1, name: str = NAMES[0]) -> Contract:
    """Return an event about an account."""
    return AccountSaved(version=version, account_id=account_id or new_id(), name=name)


async def tell(database: Database, *events: Contract, partitions: int = 1) -> None:
    """Commit events to the outbox."""
    ctx = context(partitions)

    async def work(conn: Connection) -> None:
        await outbox.append(conn, [(ctx, event) for event in events])

    await database.transact(work)


@dataclass
class Heard:
    """What a reaction was called with, what it should refuse, and how much is too much."""

    batches: list[list[str]] = field(default_factory=list)
    refuse: set[str] = field(default_factory=set)
    most: int = 1_000_000

    @property
    def names(self) -> list[str]:
        """Return the names in the order in which they were applied."""
        return [name for batch in self.batches for name in batch]

    async def react(self, _: Connection, __: Context, events: Sequence[Event]) -> None:
        """Note the events; fail on the names that are to be refused."""
        names = [event.content.name for event in events if isinstance(event.content, AccountSaved)]
        if len(names) > self.most:
            raise asyncpg.QueryCanceledError("canceling statement due to statement timeout")
        if any(name in self.refuse for name in names):
            raise RuntimeError("拒绝处理")
        self.batches.append(names)
