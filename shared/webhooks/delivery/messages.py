"""What a receiver gets: the event as in the feed, signed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

import orjson

from shared.events.envelope import Event, to_structured
from shared.ids import new_id
from shared.webhooks import signing
from shared.webhooks.delivery.model import Claim, Delivery, Stage
from shared.webhooks.model import Webhook

CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"
USER_AGENT: Final = "Pharos-Webhooks/1"


def body_of(event: Event) -> bytes:
    """Return an event as a structured CloudEvent, as the feed shows it."""
    return orjson.dumps(to_structured(event), default=str)


def headers_of(claim: Claim, body: bytes, now: datetime) -> Mapping[str, str]:
    """Return the headers of an attempt: the time of now, the id that the message always has."""
    message_id = str(claim.delivery.message_id)
    return {
        "Content-Type": CONTENT_TYPE,
        "User-Agent": USER_AGENT,
        "Accept": "*/*",
        **signing.headers(message_id, int(now.timestamp()), body, claim.webhook.secrets(now)),
    }


def ping(webhook: Webhook, service: str, now: datetime) -> Delivery:
    """Return a message that tells of nothing, to try a receiver out."""
    message_id = new_id()
    kind = f"pharos.{service}.webhook.ping.v1"
    return Delivery(
        webhook_id=webhook.id,
        id=new_id(),
        message_id=message_id,
        type=kind,
        partition=None,
        number=None,
        body=_ping(message_id, kind, service, webhook.id, now),
        stage=Stage.PENDING,
        tries=0,
        attempts=0,
        made_at=now,
        due_at=now,
        settled_at=None,
    )


def _ping(message_id: UUID, kind: str, service: str, webhook_id: UUID, now: datetime) -> str:
    document = {
        "specversion": "1.0",
        "id": message_id,
        "source": service,
        "type": kind,
        "subject": webhook_id,
        "time": now,
        "datacontenttype": "application/json",
        "data": {"webhook_id": webhook_id},
    }
    return orjson.dumps(document, default=str).decode()  # str: the ids that asyncpg reads
