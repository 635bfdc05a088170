"""Large files: in pieces, in any order, gone on with where they broke off."""

import httpx
import pytest

from shared.runtime import Role
from tests.service.conftest import Installation
from tests.service.jobs.importing import ended, imported
from tests.service.jobs.records import counts

ROWS = 6_000
CONTENT = "external_id,name\n" + "".join(f"A-{n % 20},客户{n:06d}\n" for n in range(ROWS))
PIECE = 30_000


async def begun(client: httpx.AsyncClient) -> str:
    """Begin an upload in pieces; return its id."""
    asked = {"noun": "accounts", "source": "crm", "upload": "chunks"}
    answer = await client.post("/v1/imports", params=asked)
    assert (answer.status_code, answer.json()["state"]) == (202, "uploading")
    made: str = answer.json()["id"]
    return made


async def test_a_file_comes_in_pieces_and_goes_on_where_it_broke_off(
    installation: Installation,
) -> None:
    raw = CONTENT.encode()
    pieces = [raw[at : at + PIECE] for at in range(0, len(raw), PIECE)]
    async with installation.api("pipeline", role=Role.ALL) as client:
        path = f"/v1/imports/{await begun(client)}"
        await client.put(f"{path}/chunks/{len(pieces) - 1}", content=pieces[-1])
        await client.put(f"{path}/chunks/1", content=b"torn")
        whole = {"chunks": len(pieces), "size": len(raw)}
        early = await client.post(f"{path}/complete", json=whole)
        assert (early.status_code, early.json()["code"]) == (422, "chunks_missing")
        missing = (await client.get(f"{path}/chunks")).json()["missing"]
        assert missing == [n for n in range(len(pieces) - 1) if n != 1]
        for number in (*missing, 1):
            put = await client.put(f"{path}/chunks/{number}", content=pieces[number])
            assert put.status_code == 200
        longer = await client.post(f"{path}/complete", json={**whole, "size": len(raw) + 1})
        assert longer.json()["code"] == "size_differs"
        for _ in range(2):  # saying it twice is the same
            done = await client.post(f"{path}/complete", json=whole)
            assert (done.status_code, done.json()["id"]) == (202, path.rpartition("/")[2])
        late = await client.put(f"{path}/chunks/0", content=b"x")
        assert (late.status_code, late.json()["code"]) == (409, "upload_ended")
        result = await ended(client, path.rpartition("/")[2])
    assert result["counts"] == counts(created=20, refused=ROWS - 20)
    assert result["total"] == ROWS


async def test_a_file_may_be_larger_than_other_requests(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = CONTENT.encode()
    limits = {"body_limit_bytes": 1_024, "upload_limit_bytes": len(raw)}
    monkeypatch.setenv("PHAROS_BODY_LIMIT_BYTES", str(limits["body_limit_bytes"]))
    monkeypatch.setenv("PHAROS_UPLOAD_LIMIT_BYTES", str(limits["upload_limit_bytes"]))
    async with installation.api("pipeline", role=Role.ALL) as client:
        done = await imported(client, "accounts", raw, source="crm")
        assert done["state"] == "done"
        asked = {"noun": "accounts", "source": "crm"}
        larger = await client.post("/v1/imports", params=asked, content=raw + b"\n")
        assert larger.status_code == 413
        states = {one["state"] for one in (await client.get("/v1/operations")).json()["items"]}
        assert states == {"done", "cancelled"}  # nothing of it waits for ever
        other = await client.post("/v1/accounts", json={"name": "客" * 1_024})
        assert other.status_code == 413
