"""Crowds: who is slow is cut off and holds nobody up; what is too much is sent away.

How fast the others are served meanwhile is measured by `make bench PARTS=shell`.
"""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack

import httpx

from tests.hostile.raw import connected, request
from tests.hostile.serving import client, served
from tests.resilience.scale import scaled
from tests.service.conftest import Installation

EACH = scaled(30, 150)
IMPATIENT = {
    "header_seconds": 2,
    "body_seconds": 2,
    "body_bytes_per_second": 1_000_000,
    "answer_seconds": 2,
    "keep_alive_seconds": 2,
    "rate_limit": 0,
}
ACCOUNTS = "/pipeline/v1/accounts"


async def test_slow_and_fat_clients_are_cut_off_and_hold_nobody_up(
    installation: Installation,
) -> None:
    async with (
        served(installation, IMPATIENT) as server,
        client(installation, server) as api,
        AsyncExitStack() as crowd,
    ):
        token = f"Authorization: {api.headers['authorization']}"
        for number in range(200):
            answer = await api.post(ACCOUNTS, json={"name": f"东方机械 {number} " + "灯塔" * 90})
            assert answer.status_code == 201
        said = [
            b"",
            b"GET / HTTP/1.1\r\nHost: a\r\nx",
            request(
                ACCOUNTS,
                token,
                "Content-Type: application/json",
                "Content-Length: 9",
                method="POST",
            ),
            request(ACCOUNTS, token, "Content-Length: 4000000", method="POST", body=b" " * 60_000),
            request(f"{ACCOUNTS}?limit=200", token) * 30,
        ]
        slow = []
        for words in said * EACH:
            raw = await crowd.enter_async_context(connected(server.port))
            # Nothing is read: an answer stays where it is.
            raw.writer.transport.pause_reading()  # type: ignore[attr-defined]
            slow.append(raw)
            await raw.say(words)
        answers = [await api.get(f"{ACCOUNTS}?limit=1") for _ in range(100)]
        assert Counter(answer.status_code for answer in answers) == {200: 100}
        for raw in slow:
            raw.writer.transport.resume_reading()  # type: ignore[attr-defined]
            assert await raw.is_closed()


async def test_what_is_too_much_is_sent_away_and_nothing_of_it_is_left(
    installation: Installation,
) -> None:
    crowded = {"slots": 2, "queue_limit": 10, "pool_size": 2, "rate_limit": 0}
    async with served(installation, crowded) as server, client(installation, server) as api:

        async def ask(number: int) -> httpx.Response:
            return await api.post(ACCOUNTS, json={"name": f"东方机械 {number}"})

        first = [await ask(number) for number in range(2)]  # so that the pool is open
        answers = await asyncio.gather(*(ask(number) for number in range(scaled(200, 2_000))))
        counted = Counter(answer.status_code for answer in answers)
        assert set(counted) == {201, 503}
        for answer in answers:
            if answer.status_code == 503:
                assert answer.headers["retry-after"] == "1"
                assert answer.json()["code"] == "overloaded"
        again = [await ask(number) for number in range(20)]
        assert {answer.status_code for answer in again} == {201}
        made = await _names(api)
        assert len(made) == counted[201] + len([*first, *again])


async def _names(api: httpx.AsyncClient) -> list[str]:
    """Return the names of all accounts."""
    found: list[str] = []
    query: dict[str, str] = {"limit": "200"}
    while True:
        page = (await api.get(ACCOUNTS, params=query)).json()
        found += [account["name"] for account in page["items"]]
        if page["next"] is None:
            return found
        query["cursor"] = page["next"]
