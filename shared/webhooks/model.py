"""What a webhook is: whom it tells of which events, as whom, and whether it does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import orjson

from shared.contracts.roles import everywhere

NOUN = "webhook"
"""What the audit trail calls it."""
TYPES_MAX = 50
WEBHOOKS_MAX = 100
"""Each has at most one request under way, so this also bounds what a worker does at once."""


class State(StrEnum):
    """Whether it is told: paused by its owner, disabled because its receiver does not take it."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


class Reason(StrEnum):
    """Why a webhook was disabled."""

    GONE = "gone"
    FAILING = "failing"
    GIVEN_UP = "given_up"
    EVENTS_EXPIRED = "events_expired"
    CONDITION_UNREADABLE = "condition_unreadable"


class Resumption(StrEnum):
    """Where a webhook goes on that is made active again."""

    WHERE_IT_STOPPED = "where_it_stopped"
    OLDEST = "oldest"
    NOW = "now"


@dataclass(frozen=True, slots=True)
class Owner:
    """Who made a webhook: it is told what this caller may read, by the roles of then."""

    subject: str
    client: str
    roles: tuple[str, ...]

    @property
    def permissions(self) -> frozenset[str]:
        """Return what these roles may do in this release to everybody's rows.

        A webhook does not look at whom an event concerns: who reaches some only has none of them.
        """
        return everywhere(self.roles)

    @property
    def machine(self) -> bool:
        """Tell whether a program asked for itself, not for a person."""
        return self.subject == self.client

    def same(self, other: "Owner") -> bool:
        """Tell whether another caller is the same one, whatever the roles."""
        return (self.subject, self.client) == (other.subject, other.client)


@dataclass(frozen=True, slots=True)
class Terms:
    """Where to, and what: ``types`` are event types, or beginnings of them that end in ``.*``.

    ``condition`` is a filter over their events as JSON.
    """

    url: str
    types: tuple[str, ...]
    condition: str | None
    description: str | None
    skip_client: str | None


@dataclass(frozen=True, slots=True)
class Webhook:
    """A subscription at its present version. ``former_secret`` signs too until ``former_until``."""

    id: UUID
    version: int
    terms: Terms
    state: State
    reason: str | None
    secret: bytes
    former_secret: bytes | None
    former_until: datetime | None
    owner: Owner
    made_at: datetime
    changed_at: datetime

    def secrets(self, now: datetime) -> Sequence[bytes]:
        """Return the secrets that sign at a moment, the newest first."""
        if self.former_secret is None or self.former_until is None or self.former_until <= now:
            return [self.secret]
        return [self.secret, self.former_secret]


def audited(webhook: Webhook) -> Mapping[str, object]:
    """Return what the audit trail keeps of a webhook: no secret, and none that its address carries.

    The trail is never forgotten and others read it. A query is where receivers put their keys.
    """
    terms, owner = webhook.terms, webhook.owner
    address, asks, _ = terms.url.partition("?")
    return {
        "url": f"{address}?…" if asks else address,
        "types": terms.types,
        "condition": None if terms.condition is None else orjson.loads(terms.condition),
        "description": terms.description,
        "skip_client": terms.skip_client,
        "state": webhook.state,
        "reason": webhook.reason,
        "owner": owner.subject,
        "owner_client": owner.client,
        "owner_roles": sorted(owner.roles),
        "former_secret_until": webhook.former_until,
        "made_at": webhook.made_at,
        "changed_at": webhook.changed_at,
    }


@dataclass(frozen=True, slots=True)
class Health:
    """How a receiver does. ``behind`` events have not been looked at, ``pending`` not been taken.

    ``failures`` attempts in a row have failed, since ``failing_since``; of ``given_up`` messages in
    a row the last try has failed. Nothing is sent before ``held_until``.
    """

    behind: int
    pending: int
    failures: int
    given_up: int
    failing_since: datetime | None
    held_until: datetime | None
