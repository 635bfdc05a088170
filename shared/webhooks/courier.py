"""The courier: follows the log for all webhooks of a service and hands their messages over.

One is active per service. Each receiver has at most one request under way, so its messages come in
order unless one must be tried again, and no receiver waits for another.
"""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from shared import clock
from shared.db import UNAVAILABLE, Connection, Database, DatabaseUnavailable
from shared.events.lease import Lease
from shared.failpoints import reach
from shared.logs import logger
from shared.metrics import Metrics
from shared.tasks import end
from shared.webhooks import store as webhooks
from shared.webhooks.delivery import messages
from shared.webhooks.delivery import store as deliveries
from shared.webhooks.delivery.model import Attempt, Claim
from shared.webhooks.delivery.outcome import judge
from shared.webhooks.delivery.sending import Answer, Fault, Sender
from shared.webhooks.following import store as following
from shared.webhooks.following.follow import follow

log = logger(__name__)

NAME: Final = "webhooks"
IDLE_SECONDS: Final = 0.25
AWAY_SECONDS: Final = 1
MARGIN_SECONDS: Final = 5.0
"""How much longer than the longest attempt a claim holds."""
TEND_SECONDS: Final = 3_600
FORGET_AT_A_TIME: Final = 1_000
ROUNDS_MAX: Final = 1_000


class ClaimLost(Exception):
    """The claim ran out and another took it: what came of this attempt is not recorded."""


class Courier:
    """Tells the receivers of a service's webhooks of its events.

    ``seconds`` bounds an attempt. ``now`` is the clock of all that is due; claims and the lease go
    by the database's.
    """

    def __init__(
        self,
        service: str,
        database: Database,
        sender: Callable[[], Sender],
        metrics: Metrics,
        *,
        seconds: float,
        lease_seconds: float,
        log_days: int,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._service = service
        self._database = database
        self._make_sender = sender
        self._metrics = metrics
        self._claim_seconds = seconds + MARGIN_SECONDS
        self._lease = Lease.of(NAME, lease_seconds)
        self._log_age = timedelta(days=log_days)
        self._now = now
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._renewed = 0.0
        self._tended = float("-inf")

    @property
    def lease(self) -> Lease:
        """Return the lease under which it works."""
        return self._lease

    async def run(self) -> None:
        """Work until cancelled; whatever goes wrong outside is waited out."""
        sender = self._make_sender()
        try:
            while True:
                try:
                    await self._lead(sender)
                except (DatabaseUnavailable, *UNAVAILABLE) as error:
                    log.warning("courier_waits", service=self._service, error=repr(error))
                    await clock.pause(AWAY_SECONDS)
        finally:
            await end(self._tasks.values())
            with contextlib.suppress(DatabaseUnavailable, *UNAVAILABLE):
                await self._lease.release(self._database)
            await sender.close()

    async def _lead(self, sender: Sender) -> None:
        if not await self._lease.take(self._database):
            await clock.pause(self._lease.seconds / 3)
            return
        self._renewed = clock.monotonic()
        await self._database.transact(following.begin)
        while self._lease.held:
            followed = await follow(self._database, self._service, self._now())
            started = await self._start(sender)
            await self._tend()
            await self._keep_lease()
            if not followed and not started:
                await clock.pause(IDLE_SECONDS)

    async def _start(self, sender: Sender) -> int:
        """Begin to serve the receivers that have something due and are not served already."""
        async with self._database.acquire() as conn:
            due = await deliveries.due(conn, self._now())
        fresh = [webhook_id for webhook_id in due if webhook_id not in self._tasks]
        for webhook_id in fresh:
            task = asyncio.create_task(
                self._serve(webhook_id, sender), name=f"webhook:{webhook_id}"
            )
            self._tasks[webhook_id] = task
            task.add_done_callback(partial(self._served, webhook_id))
        return len(fresh)

    def _served(self, webhook_id: UUID, _: "asyncio.Task[None]") -> None:
        self._tasks.pop(webhook_id, None)

    async def _serve(self, webhook_id: UUID, sender: Sender) -> None:
        """Hand over what is due to one receiver, one message at a time."""
        try:
            while self._lease.held and await self._hand_over(webhook_id, sender):
                pass
        except (DatabaseUnavailable, *UNAVAILABLE) as error:
            log.warning("webhook_waits", webhook=str(webhook_id), error=repr(error))
        except ClaimLost:
            log.warning("webhook_claim_lost", webhook=str(webhook_id))
        except Exception:  # its claim runs out, so it is tried again in a while
            log.exception("webhook_failed", webhook=str(webhook_id))

    async def _hand_over(self, webhook_id: UUID, sender: Sender) -> bool:
        """Make one attempt; False when nothing is due."""

        async def take(conn: Connection) -> Claim | None:
            return await deliveries.claim(conn, webhook_id, self._now(), self._claim_seconds)

        claim = await self._database.transact(take)
        if claim is None:
            return False
        try:
            await reach("webhooks.claimed")
            began = self._now()
            answer = await self._attempt(claim, began, sender)
            await reach("webhooks.sent")
        except asyncio.CancelledError:
            with contextlib.suppress(DatabaseUnavailable, *UNAVAILABLE):
                await self._database.transact(lambda conn: deliveries.release(conn, claim))
            raise
        await self._record(claim, began, answer)
        return True

    async def _attempt(self, claim: Claim, began: datetime, sender: Sender) -> Answer:
        body = await self._body(claim)
        if body is None:
            return Answer(fault=Fault.EVENT_EXPIRED)
        headers = messages.headers_of(claim, body, began)
        return await sender.send(claim.webhook.terms.url, headers, body)

    async def _body(self, claim: Claim) -> bytes | None:
        """Return what is to be sent, None when the log no longer has it."""
        delivery = claim.delivery
        if delivery.partition is None or delivery.number is None:
            return (delivery.body or "").encode()
        async with self._database.acquire() as conn:
            found = await following.read(
                conn, self._service, delivery.partition, delivery.number - 1, 1
            )
        if not found or found[0].event.id != delivery.message_id:
            return None
        return messages.body_of(found[0].event)

    async def _record(self, claim: Claim, began: datetime, answer: Answer) -> None:
        now = self._now()
        outcome = judge(claim, answer, now)
        attempt = Attempt(
            number=claim.delivery.attempts + 1,
            began_at=began,
            milliseconds=answer.milliseconds,
            status=answer.status,
            fault=answer.fault,
            excerpt=answer.excerpt,
        )

        async def work(conn: Connection) -> bool:
            # The webhook before its health, in the order in which its owner's changes lock them.
            disabled = outcome.disable is not None and await webhooks.disable(
                conn, claim.webhook.id, outcome.disable, now
            )
            if not await deliveries.end_claim(conn, claim, outcome.strain):
                raise ClaimLost
            await deliveries.record(conn, claim.delivery, attempt, outcome.stage, outcome.due_at)
            await reach("webhooks.recorded")
            return disabled

        disabled = await self._database.transact(work)
        self._metrics.webhook_attempts.labels(_counted(answer)).inc()
        if disabled:
            log.error("webhook_disabled", webhook=str(claim.webhook.id), reason=outcome.disable)

    async def _tend(self) -> None:
        """Forget old messages now and then, in small steps."""
        if clock.monotonic() - self._tended < TEND_SECONDS:
            return
        before = self._now() - self._log_age
        for _ in range(ROUNDS_MAX):
            forgotten = await self._database.transact(
                lambda conn: deliveries.forget(conn, before, FORGET_AT_A_TIME)
            )
            await self._keep_lease()
            if forgotten < FORGET_AT_A_TIME:
                break
        self._tended = clock.monotonic()

    async def _keep_lease(self) -> None:
        now = clock.monotonic()
        if now - self._renewed > self._lease.seconds / 3:
            self._renewed = now
            await self._lease.renew(self._database)


def _counted(answer: Answer) -> str:
    """Return what a figure calls an answer: delivered, refused, or the fault."""
    if answer.fault is not None:
        return answer.fault.value
    return "delivered" if answer.accepted else "refused"
