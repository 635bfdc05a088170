"""A service with webhooks for tests: its API, a relay, couriers on a clock that the test moves."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import httpx
import pytest

from shared import clock
from shared.contracts.contract import Contract
from shared.db import Database
from shared.metrics import Metrics
from shared.runtime import Role
from shared.tasks import end
from shared.webhooks.courier import IDLE_SECONDS, NAME, Courier
from shared.webhooks.delivery.sending import Sender
from shared.webhooks.endpoints import Reach
from tests.service.conftest import Installation
from tests.service.events.test_relay import relaying
from tests.service.events.told import account, tell
from tests.service.test_runtime import started
from tests.service.webhooks.receiver import Receiver

SETTINGS = {"webhook_http": True, "webhook_networks": ["127.0.0.0/8"]}
ACCOUNTS = "pharos.pipeline.account.*"
ANY = {"If-Match": "*"}
"""Whatever version it is at."""
Json = dict[str, Any]
T = TypeVar("T")


@dataclass
class Clock:
    """A clock that goes with the real one, and is moved on by the test."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return clock.now() + self.ahead

    def go_on(self, **time: float) -> None:
        self.ahead += timedelta(**time)


@dataclass
class Office:
    """What a test does with webhooks."""

    installation: Installation
    api: httpx.AsyncClient
    database: Database
    clock: Clock = field(default_factory=Clock)
    seconds: float = 1.0

    async def subscribe(self, receiver: Receiver, **terms: object) -> Json:
        """Make a webhook for the receiver; return it with its secret."""
        body = {"url": receiver.url(), "types": [ACCOUNTS], **terms}
        answer = await self.api.post("/v1/webhooks", json=body)
        assert answer.status_code == 201, answer.text
        made: Json = answer.json()
        return made

    async def tell(self, *names: str) -> None:
        """Tell of accounts of these names."""
        await tell(self.database, *(account(name=name) for name in names))

    async def tell_of(self, *contents: Contract) -> None:
        await tell(self.database, *contents)

    async def patch(self, webhook: Json, **change: object) -> httpx.Response:
        return await self.api.patch(f"/v1/webhooks/{webhook['id']}", json=change, headers=ANY)

    async def read(self, webhook: Json) -> Json:
        answer = await self.api.get(f"/v1/webhooks/{webhook['id']}")
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    async def deliveries(self, webhook: Json, **asked: str | int) -> list[Json]:
        """Return the log of deliveries, the newest first."""
        answer = await self.api.get(f"/v1/webhooks/{webhook['id']}/deliveries", params=asked)
        assert answer.status_code == 200, answer.text
        items: list[Json] = answer.json()["items"]
        return items

    async def settled(self, webhook: Json, *states: str) -> list[Json]:
        """Wait until the messages, the newest first, are in these states."""
        wanted = list(states)

        async def there() -> list[Json] | None:
            found = await self.deliveries(webhook)
            return found if [one["state"] for one in found] == wanted else None

        return await until(there)

    async def attempted(self, webhook: Json, count: int) -> Json:
        """Wait until the one message has been tried so often; return it."""

        async def there() -> Json | None:
            found = await self.deliveries(webhook)
            return found[0] if found and len(found[0]["attempts"]) == count else None

        return await until(there)

    async def attempted_all(self, webhook: Json, count: int) -> list[Json]:
        """Wait until so many attempts were made in all; return the messages, the newest first."""

        async def there() -> list[Json] | None:
            found = await self.deliveries(webhook)
            made = sum(len(one["attempts"]) for one in found)
            return found if made == count else None

        return await until(there)

    async def heard(self, receiver: Receiver, names: list[str]) -> bool | None:
        """Return whether exactly these were received, for ``until``."""
        return receiver.names == names or None

    async def heard_all(self, receiver: Receiver, names: set[str]) -> bool | None:
        """Return whether all of these were received, for ``until``."""
        return set(receiver.names) >= names or None

    async def numbered(self, count: int) -> None:
        """Wait until the log has so many events."""

        async def there() -> bool | None:
            async with self.database.acquire() as conn:
                return await conn.fetchval("SELECT max(head) FROM relay") >= count or None

        await until(there)

    async def rounds(self, count: int) -> None:
        """Wait until the courier has looked so often in vain."""
        await asyncio.sleep(count * IDLE_SECONDS)

    async def is_in(self, webhook: Json, state: str) -> Json:
        """Wait until the webhook is in a state; return it."""

        async def there() -> Json | None:
            found = await self.read(webhook)
            return found if found["state"] == state else None

        return await until(there)

    @asynccontextmanager
    async def courier(self, *, lease: str = NAME) -> AsyncIterator[Courier]:
        """Run a courier on the test's clock; with another lease it thinks that it is alone."""
        networks = self.installation.settings("pipeline", **SETTINGS).webhook_networks
        made = Courier(
            "pipeline",
            self.database,
            lambda: Sender(Reach(http=True, networks=networks), self.seconds),
            Metrics("pipeline"),
            seconds=self.seconds,
            lease_seconds=2,
            log_days=14,
            now=self.clock.now,
        )
        made.lease.name = lease
        task = asyncio.create_task(made.run())
        try:
            yield made
        finally:
            await end([task])


async def until(found: Callable[[], Awaitable[T | None]]) -> T:
    """Wait until something is there."""
    for _ in range(500):
        if (value := await found()) is not None:
            return value
        await asyncio.sleep(0.02)
    return pytest.fail("it did not come")


@asynccontextmanager
async def opened(installation: Installation) -> AsyncIterator[Office]:
    """Run the pipeline's API and a relay; couriers are the test's."""
    async with (
        started(installation, "pipeline", Role.API, **SETTINGS) as api,
        relaying(installation) as database,
    ):
        yield Office(installation, api, database)
