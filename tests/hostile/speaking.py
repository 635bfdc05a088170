"""Requests over connections that stay open, and what holds for every answer."""

import re
import unicodedata
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from shared.ids import new_id
from tests.hostile.raw import STREAM, Answer, Raw, connected

CODE = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Sent:
    """A request as it goes out."""

    method: str
    target: str
    body: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()

    def written(self, token: str) -> bytes:
        """Return the request with a token."""
        given = {name.lower() for name, _ in self.headers}
        lines = [f"{self.method} {self.target} HTTP/1.1".encode()]
        if "host" not in given:
            lines.append(b"Host: localhost")
        if "authorization" not in given:
            lines.append(f"Authorization: Bearer {token}".encode())
        if self.body is not None:
            lines.append(b"Content-Length: %d" % len(self.body))
            if "content-type" not in given:
                lines.append(b"Content-Type: application/json")
        if self.method != "GET":  # what some routes demand
            if "if-match" not in given:
                lines.append(b"If-Match: *")
            if "idempotency-key" not in given:
                lines.append(f"Idempotency-Key: {new_id()}".encode())
        lines += [name.encode() + b": " + value for name, value in self.headers]
        return b"\r\n".join([*lines, b"", b""]) + (self.body or b"")

    def __str__(self) -> str:
        body = b"" if self.body is None else self.body[:300]
        return f"{self.method} {self.target[:300]!r} {self.headers} {body!r}"


class Speaker:
    """Sends requests one after the other; a connection that was closed in order is made anew."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._token = token
        self._raw: Raw | None = None
        self._lent: Any = None

    async def say(self, sent: Sent) -> Answer:
        """Return the answer, which must be sound; a broken connection is an error."""
        if self._raw is None:
            self._lent = connected(self._port)
            self._raw = await self._lent.__aenter__()
        await self._raw.say(sent.written(self._token))
        answer = await self._raw.hear()
        is_stream = answer.headers.get("content-type", "").startswith(STREAM)
        if is_stream or answer.headers.get("connection") == "close":
            await self.close()
        check(sent, answer)
        return answer

    async def close(self) -> None:
        """Close the connection."""
        if self._raw is not None:
            self._raw = None
            await self._lent.__aexit__(None, None, None)


@asynccontextmanager
async def speaking(port: int, token: str) -> AsyncIterator[Speaker]:
    """Lend a speaker."""
    speaker = Speaker(port, token)
    try:
        yield speaker
    finally:
        await speaker.close()


def check(sent: Sent, answer: Answer) -> None:
    """Hold an answer to what holds for all: no failure, and a refusal is a whole problem."""
    assert answer.status < 500, f"{sent}: {answer.status} {answer.body[:1000]!r}"
    if answer.status >= 400:
        problem = answer.problem
        assert CODE.fullmatch(problem["code"]), f"{sent}: {problem}"
        assert problem["type"].endswith(problem["code"]), f"{sent}: {problem}"
        for error in problem["errors"]:
            places = error.keys() & {"pointer", "parameter", "header", "cookie"}
            assert len([place for place in places if error[place] is not None]) == 1, problem
            assert error["code"]
            assert error["detail"]
    elif answer.headers.get("content-type", "").startswith("application/json"):
        orjson.loads(answer.body)


def differences(sent: object, got: object, place: str = "") -> list[str]:
    """Return where what was answered is not what was sent; what only one of both has is passed."""
    if isinstance(sent, dict) and isinstance(got, dict):
        return [
            found
            for name in sent.keys() & got.keys()
            for found in differences(sent[name], got[name], f"{place}/{name}")
        ]
    if isinstance(sent, list) and isinstance(got, list) and len(sent) == len(got):
        return [
            found
            for index, pair in enumerate(zip(sent, got, strict=True))
            for found in differences(*pair, f"{place}/{index}")
        ]
    if isinstance(sent, str | int) and isinstance(got, str | int) and not _same(sent, got):
        return [f"{place}: sent {sent!r}, got {got!r}"]
    return []


def _same(sent: str | int, got: str | int) -> bool:
    if sent == got or _seen(str(sent)) == _seen(str(got)):
        return True
    try:
        return Decimal(str(sent)) == Decimal(str(got))
    except InvalidOperation:
        pass
    try:
        return datetime.fromisoformat(str(sent)) == datetime.fromisoformat(str(got))
    except (ValueError, TypeError):
        return str(sent).lower() == str(got) and len(str(got)) == 36  # an id


def _seen(text: str) -> str:
    """Return a text as it is meant: composed, its ends free of what cannot be seen."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    while text and _unseen(text[0]):
        text = text[1:]
    while text and _unseen(text[-1]):
        text = text[:-1]
    return text


def _unseen(character: str) -> bool:
    blank = "\u115f\u1160\u3164\uffa0\u2800\u17b4\u17b5\u034f"
    return character in blank or unicodedata.category(character) in {"Cc", "Cf", "Zs", "Zl", "Zp"}
