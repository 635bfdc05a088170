"""What runs inside a service: its database, its broker connection, and the work behind both."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

import httpx

from shared import clock
from shared.audit.sealer import Sealer
from shared.auth.client import TokenSource
from shared.auth.principal import Claims
from shared.auth.tokens import KeySet, Verifier
from shared.context import Context, Installation
from shared.db import UNAVAILABLE, Database, DatabaseUnavailable
from shared.events import log as event_log
from shared.events import retention
from shared.events.broker import Broker
from shared.events.consumer import Consumer, Subscription
from shared.events.doorbell import Doorbell
from shared.events.feed import FeedClient
from shared.events.relay import Relay
from shared.events.watch import Figure, Watch
from shared.failpoints import reach
from shared.ids import new_id
from shared.logs import logger
from shared.metrics import Metrics
from shared.settings import ServiceSettings
from shared.tasks import end
from shared.webhooks.courier import Courier
from shared.webhooks.delivery.sending import Sender

log = logger(__name__)

AGAIN_SECONDS = 1


class Role(StrEnum):
    """Which part of a service a process runs: requests, background work, or both."""

    API = "api"
    WORKER = "worker"
    ALL = "all"


Part: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
"""Something that runs as long as the service does."""


@dataclass(frozen=True, slots=True)
class Chore:
    """Waiting work: does a bounded batch, returns how much there was; idle, it looks this often."""

    work: Callable[[Database, Context], Awaitable[int]]
    idle_seconds: float = 0.25


class FeedMissing(Exception):
    """The service consumes events of a source whose feed the settings do not name."""


@dataclass(slots=True)
class Runtime:
    """The parts of one running service; ``start`` and ``stop`` are its lifespan.

    ``hindrance`` says why the background work has not begun although it should; None when all is
    well.
    """

    service: str
    settings: ServiceSettings
    database: Database
    broker: Broker
    http: httpx.AsyncClient
    verifier: Verifier
    feed: FeedClient
    metrics: Metrics
    subscriptions: Sequence[Subscription]
    doorbells: Sequence[Doorbell]
    installation: Installation
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    hindrance: str | None = None

    @classmethod
    async def assemble(
        cls, service: str, settings: ServiceSettings, subscriptions: Sequence[Subscription]
    ) -> "Runtime":
        """Build the parts. Database and broker are asked nothing yet; the issuer for its keys."""
        database = await Database.connect(settings, service)
        broker = Broker(settings.nats_url, settings.installation, f"pharos-{service}")
        http = httpx.AsyncClient(trust_env=False)  # a proxy for the outside is none for us
        tokens = TokenSource(
            http,
            settings.token_url,
            settings.client_id,
            settings.client_secret.get_secret_value(),
        )
        keys = KeySet(http, settings.jwks_url)
        keys.prefetch()
        doorbells = [Doorbell(broker, service, n) for n in range(settings.partitions)]
        return cls(
            service=service,
            settings=settings,
            database=database,
            broker=broker,
            http=http,
            verifier=Verifier(
                keys,
                settings.issuer,
                settings.audience,
                Claims(settings.member_claim, settings.roles_claim, settings.access_claim),
            ),
            feed=FeedClient(http, tokens, settings.feeds),
            metrics=Metrics(service),
            subscriptions=subscriptions,
            doorbells=doorbells,
            installation=settings.installed,
        )

    async def start(
        self, role: Role, chores: Sequence[Chore], figures: Sequence[Figure] = ()
    ) -> None:
        """Start what this role runs; an absent broker or database is waited for in the back.

        Raises FeedMissing and PartitionsDiffer when the settings do not fit the installation.
        """
        if role is not Role.API:
            self._check_feeds()
        self.database.committed = self._ring
        self.broker.on_reconnect(self._listen)
        self.broker.start()
        if role is Role.API:
            return
        ready = await self._prepared()
        self._spawn(self._work(chores, figures, ready=ready), "work")

    async def stop(self) -> None:
        """Stop everything in order, each step bounded."""
        await end(self.tasks)
        await self.broker.close()
        await self.database.close()
        await self.verifier.close()
        await self.http.aclose()

    async def _work(
        self, chores: Sequence[Chore], figures: Sequence[Figure], *, ready: bool
    ) -> None:
        while not ready:
            await clock.pause(AGAIN_SECONDS)
            ready = await self._prepared_at_last()
        for part in self._parts(chores, figures):
            self._spawn(_kept_alive(part, self.service), part.__qualname__)

    def _parts(self, chores: Sequence[Chore], figures: Sequence[Figure]) -> Sequence[Part]:
        relays = [
            Relay(
                self.service,
                n,
                self.database,
                self.broker,
                doorbell,
                self.metrics,
                self.settings.lease_seconds,
            )
            for n, doorbell in enumerate(self.doorbells)
        ]
        consumers = [
            Consumer(
                subscription,
                n,
                self.database,
                self.broker,
                self.feed,
                self.metrics,
                self.own_context,
                self.settings.lease_seconds,
            )
            for subscription in self.subscriptions
            for n in range(self.settings.partitions)
        ]

        async def tend() -> None:
            await retention.tend_for_ever(
                self.database, self.settings.log_retention_days, self.metrics
            )

        sealer = Sealer(self.service, self.database, self.metrics, self.settings.lease_seconds)
        leased: Sequence[Relay | Consumer | Sealer | Courier] = [
            *relays,
            *consumers,
            sealer,
            self._courier(),
        ]
        leases = [part.lease for part in leased]
        watch = Watch(self.database, self.metrics, leases, figures)
        runs = [part.run for part in leased]
        return [*runs, *map(self._repeated, chores), tend, watch.run]

    def _courier(self) -> Courier:
        settings = self.settings
        seconds = settings.webhook_timeout_seconds
        return Courier(
            self.service,
            self.database,
            lambda: Sender(settings.webhook_reach, seconds),
            self.metrics,
            seconds=seconds,
            lease_seconds=settings.lease_seconds,
            log_days=settings.webhook_log_days,
        )

    async def _prepared(self) -> bool:
        """Make what the relay writes into; False while the database is away."""
        try:
            async with self.database.acquire() as conn:
                await event_log.ensure_partitions(conn, self.settings.partitions)
        except (DatabaseUnavailable, *UNAVAILABLE) as error:
            log.warning("database_away", service=self.service, error=repr(error))
            self.hindrance = "DatabaseUnavailable"
            return False
        try:
            await retention.tend(self.database, self.settings.log_retention_days, self.metrics)
        except Exception:  # the log goes on in the partitions that it has
            log.exception("retention_failed", service=self.service)
        self.hindrance = None
        return True

    async def _prepared_at_last(self) -> bool:
        """Try again behind a service that serves already: what would refuse a start hinders it."""
        try:
            return await self._prepared()
        except Exception as error:
            log.exception("not_prepared", service=self.service)
            self.hindrance = type(error).__name__
        return False

    def _check_feeds(self) -> None:
        sources = {subscription.source for subscription in self.subscriptions}
        if missing := sorted(sources - self.settings.feeds.keys()):
            raise FeedMissing(
                f"{self.service} consumes events of {', '.join(missing)}; PHAROS_FEEDS must name "
                f"the base URL of each."
            )

    def _repeated(self, chore: Chore) -> Part:
        async def repeat() -> None:
            while True:
                done = await chore.work(self.database, self.own_context())
                if done:
                    await reach("chore.done")
                else:
                    await clock.pause(chore.idle_seconds)

        return repeat

    def own_context(self) -> Context:
        """Return the context of what this service does of its own accord."""
        return Context(self.service, clock.now(), new_id(), self.installation)

    def _ring(self) -> None:
        for doorbell in self.doorbells:
            doorbell.ring()

    def _listen(self) -> None:
        for doorbell in self.doorbells:
            self._spawn(doorbell.listen(), "listen")

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=f"{self.service}:{name}")
        self.tasks.append(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.tasks.remove(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("task_ended", task=task.get_name(), error=repr(error))


async def _kept_alive(part: Part, service: str) -> None:
    """Run a part for ever: what it did not wait out itself is logged, and it begins again."""
    while True:
        try:
            await part()
        except DatabaseUnavailable as error:
            log.warning("part_waits", service=service, part=part.__qualname__, error=repr(error))
            await clock.pause(AGAIN_SECONDS)
        except Exception:
            log.exception("part_failed", service=service, part=part.__qualname__)
            await clock.pause(AGAIN_SECONDS)
