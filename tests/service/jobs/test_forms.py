"""Files inside forms: what browsers and curl send, and what is no such form."""

import os
import tracemalloc
from collections.abc import AsyncIterator

import httpx
import pytest

from shared.jobs.forms import file_of
from shared.runtime import Role
from tests.service.conftest import Installation
from tests.service.jobs.importing import ended
from tests.service.jobs.records import accounts_of, counts

FILE = "客户编号,客户名称\r\nA-1,曾惠\r\nA-2,许安\r\n"
ASKED = {"noun": "accounts", "source": "crm"}
KIND = "multipart/form-data; boundary=pharos"
HEAD = 'Content-Disposition: form-data; name="file"; filename="客户.csv"\r\n'


def form(*parts: str, end: str = "--pharos--\r\n") -> bytes:
    """Return a form of these parts, each with its headers, between boundaries of our own."""
    return ("".join(f"--pharos\r\n{part}\r\n" for part in parts) + end).encode()


@pytest.fixture
async def client(installation: Installation) -> AsyncIterator[httpx.AsyncClient]:
    async with installation.api("pipeline", role=Role.ALL) as made:
        yield made


async def sent(client: httpx.AsyncClient, body: bytes, kind: str) -> httpx.Response:
    """Send a body of some type."""
    headers = {"Content-Type": kind}
    return await client.post("/v1/imports", params=ASKED, content=body, headers=headers)


async def test_a_file_in_a_form_is_imported_like_the_file_itself(
    client: httpx.AsyncClient,
) -> None:
    files = {"file": ("客户.csv", FILE.encode(), "text/csv")}
    answer = await client.post("/v1/imports", params=ASKED, files=files)
    assert answer.status_code == 202, answer.text
    assert (await ended(client, answer.json()["id"]))["counts"] == counts(created=2)
    bare = await sent(client, FILE.encode(), "text/csv")
    assert (await ended(client, bare.json()["id"]))["counts"] == counts(unchanged=2)
    assert await accounts_of(client) == {"A-1": "曾惠", "A-2": "许安"}


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (form(f"{HEAD}\r\n{FILE}"), "multipart/form-data", "form_broken"),
        (form(f"{HEAD}\r\n{FILE}"), "multipart/form-data; boundary=", "form_broken"),
        (form(f"{HEAD}\r\n{FILE}"), f"{KIND}{0:02000}", "form_broken"),
        (form(f"{HEAD}\r\n{FILE}"), "multipart/mixed; boundary=pharos", "form_broken"),
        (form(f"{HEAD}\r\n{FILE}"), "multipart/form-data; boundary=other", "form_broken"),
        (form(f"{HEAD}\r\n{FILE}", end=""), KIND, "form_broken"),
        (b"", KIND, "form_broken"),
        (
            form(f"{HEAD}Content-Transfer-Encoding: base64\r\n\r\nMQ=="),
            KIND,
            "form_broken",
        ),
        (
            form(f"{HEAD}X: {'y' * 9_000}\r\n\r\n"),
            KIND,
            "form_broken",
        ),
        (form(f"{HEAD}\r\n{FILE}", f"{HEAD}\r\n"), KIND, "more"),
        (
            form('Content-Disposition: form-data; name="noun"\r\n\r\naccounts'),
            KIND,
            "more",
        ),
        (form("\r\n" + FILE), KIND, "more"),
    ],
)
async def test_what_is_no_form_with_one_file_is_refused_and_leaves_no_import(
    client: httpx.AsyncClient, body: bytes, kind: str, code: str
) -> None:
    answer = await sent(client, body, kind)
    code = "form_holds_no_file" if code == "more" else code
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    listed = (await client.get("/v1/operations")).json()["items"]
    assert {one["state"] for one in listed} <= {"cancelled"}


async def test_a_form_has_the_limit_of_an_upload(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = form(f"{HEAD}\r\n{FILE * 30}")
    monkeypatch.setenv("PHAROS_UPLOAD_LIMIT_BYTES", str(len(body) - 1))
    async with installation.api("pipeline") as client:
        answer = await sent(client, body, KIND)
    assert (answer.status_code, answer.json()["code"]) == (413, "request_too_large")


async def test_a_large_file_in_a_form_takes_no_more_memory_than_a_small_one() -> None:
    piece = os.urandom(65_536)
    many = 1_000

    async def body() -> AsyncIterator[bytes]:
        yield form(f"{HEAD}\r\n", end="")[:-2]
        for _ in range(many):
            yield piece
        yield b"\r\n--pharos--\r\n"

    tracemalloc.start()
    try:
        read = 0
        async for part in file_of(KIND, body()):
            read += len(part)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert read == many * len(piece)
    assert peak < 1_000_000
