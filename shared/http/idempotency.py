"""Idempotency-Key: the first answer is stored with its effect and given again to a repetition."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString

import orjson
from fastapi.responses import Response

from shared.db import Connection
from shared.errors import Invalid, PreconditionRequired
from shared.http.versions import etag_of

# The insert waits for a request of the same key that is still running; the lock timeout of the
# connection bounds that wait.
_CLAIM: Final[LiteralString] = """
    INSERT INTO idempotency (caller, key, request_hash, created_at)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (caller, key) DO NOTHING
    RETURNING true
"""
_READ: Final[LiteralString] = """
    SELECT request_hash, status, body FROM idempotency WHERE caller = $1 AND key = $2
"""
_KEEP: Final[LiteralString] = """
    UPDATE idempotency SET status = $3, body = $4 WHERE caller = $1 AND key = $2
"""


class IdempotencyKeyRequired(PreconditionRequired):
    """A request that would count twice if it were repeated."""

    en = "Send an Idempotency-Key, so that a repetition of this request has no second effect."
    zh = "请携带 Idempotency-Key，以免重复发送时产生第二次效果。"


class IdempotencyKeyReused(Invalid):
    """One key stands for one request; another body needs another key."""

    en = "This Idempotency-Key was used for another request. Send a new key with a new request."
    zh = "该 Idempotency-Key 已用于另一请求；新的请求请使用新的键。"


@dataclass(frozen=True, slots=True)
class Key:
    """A caller's key and the hash of the request that it stands for.

    The caller is a client and who acts through it: two users of one client never meet.
    """

    caller: str
    key: str
    request_hash: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """A stored answer: status and JSON body, which is empty where there is nothing to say."""

    status: int
    body: bytes

    def response(self, *, replayed: bool = False) -> Response:
        """Return the answer as it goes out."""
        headers = etag_of(orjson.loads(self.body).get("version")) if self.body else {}
        if replayed:
            headers["Idempotency-Replayed"] = "true"
        if not self.body:
            return Response(status_code=self.status, headers=headers)
        return Response(self.body, self.status, headers, media_type="application/json")


class Replayed(Exception):
    """The request was answered before; nothing is done again."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply


def key_of(caller: str, key: str, method: str, path: str, body: bytes) -> Key:
    """Return the key of a request with the hash of its method, path and body."""
    digest = hashlib.sha256(f"{method} {path}\n".encode() + body).digest()
    return Key(caller, key, digest)


async def claim(conn: Connection, key: Key, now: datetime) -> None:
    """Claim the key in the caller's transaction.

    Raises Replayed when it was answered before and IdempotencyKeyReused when it stands for
    another request.
    """
    if await conn.fetchval(_CLAIM, key.caller, key.key, key.request_hash, now):
        return
    row = await conn.fetchrow(_READ, key.caller, key.key)
    if row is None or row["request_hash"] != key.request_hash:
        raise IdempotencyKeyReused
    raise Replayed(Reply(row["status"], row["body"]))


async def keep(conn: Connection, key: Key, reply: Reply) -> None:
    """Store the answer with its effect."""
    await conn.execute(_KEEP, key.caller, key.key, reply.status, reply.body)
