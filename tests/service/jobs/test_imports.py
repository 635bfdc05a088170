"""Imports end to end: what is taken, what is refused, and what of it can be sent again."""

import io
from collections.abc import AsyncIterator, Callable

import httpx
import openpyxl
import orjson
import pytest

from shared.runtime import Role
from tests.service.conftest import Installation
from tests.service.jobs.importing import ended, imported, rows, send
from tests.service.jobs.records import NONE, accounts_of, count_of, counts, workbook_of

FILE = "客户编号,客户名称\r\nA-1,曾惠\r\nA-2,\r\n\r\nA-3,许安\r\nA-1,重复\r\n"


@pytest.fixture
async def client(installation: Installation) -> AsyncIterator[httpx.AsyncClient]:
    async with installation.api("pipeline", role=Role.ALL) as made:
        yield made


async def test_a_second_import_of_the_same_file_changes_nothing(client: httpx.AsyncClient) -> None:
    first = await imported(client, "accounts", FILE, source="crm")
    assert (first["state"], first["done"], first["total"]) == ("done", 4, 4)
    assert first["counts"] == counts(created=2, refused=2)
    assert first["finished_at"] is not None
    second = await imported(client, "accounts", FILE, source="crm")
    assert second["counts"] == counts(unchanged=2, refused=2)
    third = await imported(client, "accounts", FILE.replace("许安", "许 安"), source="crm")
    assert third["counts"] == counts(unchanged=1, updated=1, refused=2)
    assert await accounts_of(client) == {"A-1": "曾惠", "A-3": "许 安"}


@pytest.mark.parametrize(
    ("language", "missing", "twice"),
    [
        ("zh-CN", "此项必填，请补充。", "与文件第 2 行重复，请只保留其中一行。"),
        (
            "en",
            "This is required. Add it.",
            "Row 2 of the file is about the same thing. Keep one of the two.",
        ),
    ],
)
async def test_a_refused_row_says_where_and_why_in_the_callers_language(
    client: httpx.AsyncClient, language: str, missing: str, twice: str
) -> None:
    done = await imported(client, "accounts", FILE, source="crm")
    refused = await rows(client, done["id"], "refused", language)
    assert [(row["row"], row["problems"]) for row in refused] == [
        (
            3,
            [{"column": "客户名称", "field": "name", "code": "missing", "detail": missing}],
        ),
        (6, [{"column": None, "field": None, "code": "row_twice", "detail": twice}]),
    ]
    taken = await rows(client, done["id"], "created")
    assert [row["row"] for row in taken] == [2, 5]
    assert all(row["id"] and row["version"] == 1 for row in taken)


async def test_a_row_that_comes_twice_is_refused_in_a_later_batch_too(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.jobs.worker.BATCH", 2)
    content = "external_id,name\n" + "".join(f"A-{n % 5},客户{n}\n" for n in range(9))
    done = await imported(client, "accounts", content, source="crm")
    assert done["counts"] == counts(created=5, refused=4)
    told = {
        row["row"]: row["problems"][0]["detail"]
        for row in await rows(client, done["id"], "refused")
    }
    assert told[7].startswith("Row 2 of the file")


@pytest.mark.parametrize("form", ["csv", "xlsx", "ndjson"])
async def test_refused_rows_are_mended_in_their_file_and_sent_again(
    client: httpx.AsyncClient, form: str
) -> None:
    done = await imported(client, "accounts", "客户编号,备注,客户名称\n007,=1,\n", source="crm")
    answer = await client.get(f"/v1/imports/{done['id']}/refused", params={"format": form})
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].endswith(f".{form}")
    again = await imported(client, "accounts", answer.content, source="crm")
    assert again["counts"] == counts(refused=1)
    mended = MENDED[form](answer.content)
    assert (await imported(client, "accounts", mended, source="crm"))["counts"] == counts(created=1)
    assert await accounts_of(client) == {"007": "许安"}


def _in_text(before: str, after: str) -> Callable[[bytes], bytes]:
    def mend(content: bytes) -> bytes:
        assert before.encode() in content
        return content.replace(before.encode(), after.encode())

    return mend


def _in_workbook(content: bytes) -> bytes:
    book = openpyxl.load_workbook(io.BytesIO(content))
    sheet = book.active
    assert sheet is not None
    assert [cell.value for cell in sheet[1]] == ["客户编号", "备注", "客户名称", "problems"]
    sheet["C2"] = "许安"
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


MENDED: dict[str, Callable[[bytes], bytes]] = {
    "csv": _in_text("007,'=1,,", "007,'=1,许安,"),
    "ndjson": _in_text('"客户名称":""', '"客户名称":"许安"'),
    "xlsx": _in_workbook,
}


async def test_the_reasons_stand_once_however_often_rows_are_sent_again(
    client: httpx.AsyncClient,
) -> None:
    content = "客户编号,客户名称\nA-1,\n".encode()
    for language in ("zh", "en", "zh"):
        done = await imported(client, "accounts", content, source="crm")
        answer = await client.get(
            f"/v1/imports/{done['id']}/refused", headers={"Accept-Language": language}
        )
        content = answer.content
    header = content.decode("utf-8-sig").splitlines()[0]
    assert header == "客户编号,客户名称,拒绝原因"


TABLE = [["编号", "客户编号", "客户名称"], ["1", "007", "曾惠"], ["2", "008", "许安，杭州"]]
TEXT = "\n".join("\t".join(row) for row in TABLE)
OBJECTS = '{"客户编号": "007", "客户名称": "曾惠"}\n{"客户编号": "008", "客户名称": "许安，杭州"}\n'


@pytest.mark.parametrize(
    ("content", "reading"),
    [
        (TEXT.encode("utf-8-sig"), {"format": "csv", "encoding": "utf-8", "delimiter": "\t"}),
        (TEXT.encode("utf-16"), {"format": "csv", "encoding": "utf-16", "delimiter": "\t"}),
        (TEXT.encode("gb18030"), {"format": "csv", "encoding": "gb18030", "delimiter": "\t"}),
        (workbook_of(TABLE), {"format": "xlsx"}),
        (OBJECTS.encode(), {"format": "ndjson", "encoding": "utf-8"}),
    ],
    ids=["utf-8", "utf-16", "gb18030", "xlsx", "ndjson"],
)
async def test_whatever_the_file_is_the_accounts_are_the_same(
    client: httpx.AsyncClient, content: bytes, reading: dict[str, str]
) -> None:
    done = await imported(client, "accounts", content, source="crm")
    assert done["counts"] == counts(created=2)
    assert done["reading"] == reading
    assert await accounts_of(client) == {"007": "曾惠", "008": "许安，杭州"}


WHOLE = workbook_of([["客户编号", "客户名称"], *([f"A-{n}", f"客户{n}"] for n in range(3_000))])
LATE_NUL = b"external_id,name\n" + b"A,B\n" * 30_000 + b"A\x00,B\n"


@pytest.mark.parametrize(
    ("content", "asked", "code"),
    [
        (b"", {}, "file_empty"),
        (WHOLE[:-2_000], {}, "file_broken"),
        (LATE_NUL, {}, "not_text"),
        (b"external_id,name\nA,\xff\xfe\xfd\n", {}, "encoding_unknown"),
        (b"A-1,B\nA-2,C\n", {}, "columns_missing"),
        ("客户编号,客户名称,客户名称\nA,B,C\n".encode(), {}, "column_twice"),
        (b"external_id,name\nA,B\n", {"format": "xlsx"}, "format_differs"),
        (WHOLE, {"format": "csv"}, "encoding_unknown"),
        (WHOLE, {"sheet": "不在"}, "sheet_not_found"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 99, {}, "format_not_read"),
        (b"external_id,name\nA," + b"x" * 3_000_000, {}, "row_too_long"),
        (b'external_id,name\nA,"' + b"x\n" * 1_000_000, {}, "quote_not_closed"),
        (b'{"external_id": "A", "name": "B"}\nnothing\n', {}, "row_not_json"),
    ],
)
async def test_a_file_that_cannot_be_read_fails_as_a_whole_and_leaves_nothing(
    client: httpx.AsyncClient, content: bytes, asked: dict[str, str], code: str
) -> None:
    failed = await imported(client, "accounts", content, source="crm", **asked)
    assert (failed["state"], failed["failure"]["code"]) == ("failed", code)
    assert failed["failure"]["detail"]
    assert failed["counts"] == NONE
    assert await accounts_of(client) == {}


async def test_hostile_cells_are_refused_row_by_row(client: httpx.AsyncClient) -> None:
    content = (
        '{"external_id": "A-1", "name": "x\\u0000y\\u202e"}\n'
        '{"external_id": "A-2", "name": "\\ud800"}\n'
        '{"external_id": "A-3", "name": {"x": {"y": {"z": {"w": 1}}}}}\n'
        '{"external_id": "' + "长" * 65 + '", "name": "甲"}\n'
        '{"external_id": "A-5", "name": "=cmd|\' /C calc\'!A0"}\n'
        '{"external_id": "A-6\\n", "name": "  许安  "}\n'
    )
    done = await imported(client, "accounts", content, source="crm")
    assert await accounts_of(client) == {
        "A-2": "\ufffd",
        "A-5": "=cmd|' /C calc'!A0",
        "A-6": "许安",
    }
    assert done["counts"] == counts(created=3, refused=3)
    answer = await client.get(f"/v1/imports/{done['id']}/refused", params={"format": "csv"})
    assert answer.status_code == 200


async def test_a_long_row_is_refused_and_a_short_one_is_filled_with_nothing(
    client: httpx.AsyncClient,
) -> None:
    content = "external_id,name\nA-1,许安,杭州\nA-2,曾惠,,\nA-3\n"
    done = await imported(client, "accounts", content, source="crm", delimiter="comma")
    told = {r["row"]: r["problems"][0]["code"] for r in await rows(client, done["id"], "refused")}
    assert told == {2: "row_has_more_cells", 4: "missing"}


async def test_a_dry_run_tells_what_would_happen_and_writes_nothing(
    client: httpx.AsyncClient, installation: Installation
) -> None:
    await imported(client, "accounts", "external_id,name\nA-1,曾惠\n", source="crm")
    async with installation.open("pipeline") as database:
        before = (
            await count_of(database, "account"),
            await count_of(database, "outbox", "event_log"),
        )
        content = FILE.replace("曾惠", "曾慧")
        dry = await imported(client, "accounts", content, source="crm", dry_run="true")
        assert dry["state"] == "done"
        assert dry["counts"] == counts(created=1, updated=1, refused=2)
        assert all(row["id"] is None for row in await rows(client, dry["id"]))
        after = await count_of(database, "account"), await count_of(database, "outbox", "event_log")
    assert after == before
    assert await accounts_of(client) == {"A-1": "曾惠"}


async def test_an_import_that_waits_for_its_turn_is_cancelled(installation: Installation) -> None:
    async with installation.api("pipeline") as client:  # nobody works here
        waiting = await send(client, "accounts", FILE, source="crm")
        assert waiting["state"] == "queued"
        answer = await client.post(f"/v1/operations/{waiting['id']}/cancel")
        assert answer.json()["state"] == "cancelled"
        again = await client.post(f"/v1/operations/{waiting['id']}/cancel")
        assert again.json()["state"] == "cancelled"
    async with installation.api("pipeline", role=Role.ALL) as client:
        done = await imported(client, "accounts", FILE, source="erp")
        assert done["state"] == "done"
        kept = (await client.get(f"/v1/operations/{waiting['id']}")).json()
        assert (kept["state"], kept["counts"]) == ("cancelled", NONE)
        refused = await client.post(f"/v1/operations/{done['id']}/cancel")
        assert (refused.status_code, refused.json()["code"]) == (409, "operation_ended")


async def test_an_operation_is_followed_to_its_end(client: httpx.AsyncClient) -> None:
    begun = await send(client, "accounts", FILE, source="crm")
    answer = await client.get(f"/v1/operations/{begun['id']}/stream")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [part for part in answer.text.split("\n\n") if part.startswith("event: operation")]
    assert '"state":"done"' in events[-1]


async def test_the_same_file_under_the_same_key_is_the_same_import(
    client: httpx.AsyncClient,
) -> None:
    key = {"idempotency-key": "导入-1".encode().hex()}
    first = await send(client, "accounts", FILE, source="crm", **key)
    await ended(client, first["id"])
    again = await send(client, "accounts", FILE, source="crm", **key)
    assert (again["id"], again["state"]) == (first["id"], "done")
    for content, source in ((FILE + "A-9,x\n", "crm"), (FILE, "erp")):
        answer = await client.post(
            "/v1/imports",
            params={"noun": "accounts", "source": source},
            content=content.encode(),
            headers=key,
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "import_reused")


async def test_operations_are_listed(client: httpx.AsyncClient) -> None:
    made = {(await imported(client, "accounts", FILE, source="crm"))["id"] for _ in range(3)}
    page = (await client.get("/v1/operations", params={"limit": 2})).json()
    rest = (await client.get("/v1/operations", params={"cursor": page["next"]})).json()
    assert {one["id"] for one in [*page["items"], *rest["items"]]} == made


async def test_operations_are_found_by_what_they_are_and_sorted_by_time(
    client: httpx.AsyncClient,
) -> None:
    keys = [{"idempotency-key": f"k-{n}"} for n in range(3)]  # ids that say nothing of time
    made = [(await send(client, "accounts", FILE, source="crm", **key))["id"] for key in keys]
    dry = await send(client, "accounts", FILE, source="crm", dry_run="true")
    for operation in (*made, dry["id"]):
        await ended(client, operation)
    asked: dict[str, str] = {"sort": "-created_at", "limit": "2", "count": "true"}
    answer = await client.get("/v1/operations", params=asked, headers={"Accept-Language": "zh"})
    page = answer.json()
    assert [one["id"] for one in page["items"]] == [dry["id"], made[2]]
    assert page["total"] == 4
    assert 'rel="next"' in answer.headers["link"]
    rest = await client.get("/v1/operations", params={**asked, "cursor": page["next"]})
    assert [one["id"] for one in rest.json()["items"]] == [made[1], made[0]]
    for field, value, found in (
        ("dry_run", True, [dry["id"]]),
        ("state", "failed", []),
        ("noun", "deals", []),
    ):
        tree = orjson.dumps({"field": field, "op": "eq", "value": value}).decode()
        listed = await client.get("/v1/operations", params={"filter": tree})
        assert [one["id"] for one in listed.json()["items"]] == found
