"""Webhooks in requests and answers."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

import orjson
from pydantic import Field

from shared.fields import Body, Code, LeftOut, Note, View
from shared.webhooks import signing
from shared.webhooks.commands import Edit, Known
from shared.webhooks.endpoints import LENGTH_MAX
from shared.webhooks.model import TYPES_MAX, Owner, Resumption, State, Terms, Webhook

OVERLAP_HOURS_MAX = 168

Url = Annotated[
    str, Field(min_length=1, max_length=LENGTH_MAX, examples=["https://erp.example.com/pharos"])
]
EventType = Annotated[
    str,
    Field(
        max_length=200,
        pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*(\.\*)?$",
        examples=["pharos.pipeline.deal.won.v1", "pharos.pipeline.deal.*"],
    ),
]
EventTypes = Annotated[
    list[EventType],
    Field(
        min_length=1,
        max_length=TYPES_MAX,
        description="Event types, or beginnings of them that end in `.*`.",
    ),
]
Condition = Annotated[
    Any,
    Field(
        description="Which of these events, as a filter of lists: `type`, `subject`, `origin`, "
        "`time`, and fields of their `data`, those inside others by names such as "
        "`amount.amount` (decimals as text) and `shares.member_id`. A field that one type asked "
        "for has is missing in events of the others: a comparison with it is false there. Null: "
        "all.",
        examples=[{"field": "amount.amount", "op": "gte", "value": "100000.00"}],
    ),
]
SkipClient = Annotated[
    Code | None,
    Field(
        description="Changes made through this client are not sent, because the receiver made "
        "them itself. Left out: the caller's own client, when it is a machine. Null: all are sent."
    ),
]


class WebhookBody(Body):
    """Where to, and what."""

    url: Url
    types: EventTypes
    condition: Condition = None
    description: Note | None = None
    skip_client: SkipClient = None

    def terms(self, owner: Owner) -> Terms:
        """Return the terms as the domain knows them; a machine is not sent its own echo."""
        skip = self.skip_client
        if "skip_client" not in self.model_fields_set and owner.machine:
            skip = owner.client
        condition = _written(self.condition)
        return Terms(self.url, tuple(self.types), condition, self.description, skip)


class WebhookEdit(Body):
    """What should change; what is left out stays."""

    url: LeftOut[Url] = None
    types: LeftOut[EventTypes] = None
    condition: Condition = None
    description: Note | None = None
    skip_client: SkipClient = None
    state: LeftOut[Literal["active", "paused"]] = Field(
        None, description="`active` also takes up again what was disabled."
    )
    resume: Resumption = Field(
        Resumption.WHERE_IT_STOPPED, description="From where on, when it becomes active again."
    )

    def edit(self) -> Edit:
        """Return what to make of a webhook."""
        given = self.model_fields_set

        def edited(webhook: Webhook) -> Webhook:
            terms = webhook.terms
            return replace(
                webhook,
                state=webhook.state if self.state is None else State(self.state),
                reason=None if "state" in given else webhook.reason,
                terms=replace(
                    terms,
                    url=self.url or terms.url,
                    types=terms.types if self.types is None else tuple(self.types),
                    condition=(
                        _written(self.condition) if "condition" in given else terms.condition
                    ),
                    description=self.description if "description" in given else terms.description,
                    skip_client=self.skip_client if "skip_client" in given else terms.skip_client,
                ),
            )

        return edited


def _written(condition: object | None) -> str | None:
    return None if condition is None else orjson.dumps(condition).decode()


class RotationBody(Body):
    """How long the present secret signs beside the new one."""

    overlap_hours: Annotated[int, Field(strict=True, ge=0, le=OVERLAP_HOURS_MAX)] = 24

    def overlap(self) -> timedelta:
        """Return the time during which both sign."""
        return timedelta(hours=self.overlap_hours)


class HealthView(View):
    """How the receiver does. `behind`: events not looked at yet; `pending`: messages not taken yet.

    `failures`: attempts in a row that failed, since `failing_since`; `given_up`: messages in a row
    whose last try failed. Nothing is sent before `held_until`.
    """

    behind: int
    pending: int
    failures: int
    given_up: int
    failing_since: datetime | None
    held_until: datetime | None


class WebhookView(View):
    """A webhook. Its secret is shown when it is made, and never again.

    `reason` says why it was disabled: `gone` (the receiver answered 410), `failing` (no success for
    five days), `given_up` (fifty messages in a row), `events_expired` (the log no longer has what
    comes next), `condition_unreadable` (this release does not know a field of its condition).
    """

    id: UUID
    version: int
    url: str
    types: list[str]
    condition: Condition
    description: str | None
    skip_client: str | None
    state: State
    reason: str | None
    owner: str
    owner_client: str
    former_secret_until: datetime | None
    health: HealthView
    made_at: datetime
    changed_at: datetime

    @classmethod
    def of(cls, known: Known) -> "WebhookView":
        """Return the view of a webhook with its health."""
        return cls(**_shown(known))


class WebhookMade(WebhookView):
    """A webhook with the secret that signs from now on: keep it, it is shown this once.

    A repetition under the same Idempotency-Key is answered with null in its place: the secret is
    kept nowhere but where it signs. Whoever lost it gets a new one.
    """

    SHOWN_ONCE: ClassVar[frozenset[str]] = frozenset({"secret"})

    secret: Annotated[str | None, Field(examples=["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"])]

    @classmethod
    def of(cls, known: Known) -> "WebhookMade":
        """Return the view of a webhook with its health and its secret."""
        return cls(**_shown(known), secret=signing.shown(known[0].secret))


def _shown(known: Known) -> dict[str, Any]:
    webhook, health = known
    condition = webhook.terms.condition
    return {
        "id": webhook.id,
        "version": webhook.version,
        "url": webhook.terms.url,
        "types": list(webhook.terms.types),
        "condition": None if condition is None else orjson.loads(condition),
        "description": webhook.terms.description,
        "skip_client": webhook.terms.skip_client,
        "state": webhook.state,
        "reason": webhook.reason,
        "owner": webhook.owner.subject,
        "owner_client": webhook.owner.client,
        "former_secret_until": webhook.former_until,
        "health": HealthView(
            behind=health.behind,
            pending=health.pending,
            failures=health.failures,
            given_up=health.given_up,
            failing_since=health.failing_since,
            held_until=health.held_until,
        ),
        "made_at": webhook.made_at,
        "changed_at": webhook.changed_at,
    }
