"""Problems: what a caller reads when a request fails, in either language."""

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final, Literal

import httpx
import pytest
from fastapi import FastAPI, Header, HTTPException, Query
from pydantic import Field, field_validator
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.testing import capture_logs

from shared.errors import Invalid, NotFound, Refused, TooManyRequests, Unauthenticated, Unavailable
from shared.field_words import FIELD_WORDS
from shared.fields import Body, BusinessDate, DecimalText, Id, MoneyField, Name, Share
from shared.http import problems
from shared.http.problems import ProblemView

TRACE: Final = "0af7651916cd43dd8448eb211c80319c"
SECRET: Final = "机密-4711"


class DealAlreadyClosed(Refused):
    en = "Deal {deal_id} is already {stage}. Reopen it first."
    zh = "商机 {deal_id} 已是 {stage} 状态，请先重新打开。"


class DealUnknown(NotFound):
    en = "There is no such deal."
    zh = "没有这个商机。"


class CursorUnreadable(Invalid):
    en = "The cursor is not one that we gave. Start without it."
    zh = "游标无效，请去掉游标重新开始。"


class TokenExpired(Unauthenticated):
    en = "The token has expired. Get a new one."
    zh = "令牌已过期，请重新获取。"


class StoreAway(Unavailable):
    en = "The store does not answer."
    zh = "存储暂时没有响应。"


class RateUsedUp(TooManyRequests):
    en = "The rate is used up."
    zh = "请求次数已用完。"


class Line(Body):
    price: MoneyField
    kind: Literal["product", "service"] = "product"
    share: Share | None = None


class Order(Body):
    name: Name
    lines: Annotated[list[Line], Field(min_length=1, max_length=3)]
    closed_on: BusinessDate | None = None
    code: str = ""

    @field_validator("code")
    @classmethod
    def _known(cls, code: str) -> str:
        if code == SECRET:
            raise CursorUnreadable(pointer="/code")
        if code:
            raise ValueError(f"unknown code {code}")
        return code


class One(Body):
    kind: Literal["one"]
    one: Name


class Two(Body):
    kind: Literal["two"]
    two: DecimalText


class Choice(Body):
    tagged: Annotated[One | Two, Field(discriminator="kind")] | None = None
    plain: One | Two | None = None
    ids: dict[str, Id] | None = None


FAILURES: Final = {
    "refused": DealAlreadyClosed(deal_id=7, stage="won", pointer="/deal_id"),
    "unknown": DealUnknown(),
    "cursor": CursorUnreadable(pointer="?cursor"),
    "token": TokenExpired(),
    "store": StoreAway(),
    "rate": RateUsedUp(retry_after=30),
    "bug": RuntimeError(f"password {SECRET}"),
    "large": HTTPException(413, detail=SECRET),
    "teapot": HTTPException(418, detail=SECRET),
    "not-modified": HTTPException(304, headers={"ETag": '"7"'}),
    "broken": HTTPException(502, detail=SECRET),
}


def traced(app: ASGIApp) -> ASGIApp:
    """Put the trace id where the chassis puts it."""

    async def with_trace(scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["trace_id"] = TRACE
        await app(scope, receive, send)

    return with_trace


def build() -> FastAPI:
    app = FastAPI()
    problems.install(app)

    @app.get("/failures/{name}")
    async def fail(name: str) -> Response:
        raise FAILURES[name]

    @app.post("/orders")
    async def order(body: Order) -> int:
        return len(body.lines)

    @app.post("/choices")
    async def choose(body: Choice) -> bool:
        return bool(body.tagged)

    @app.get("/orders/{order_id}")
    async def read(
        order_id: Id,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        if_match: Annotated[Name | None, Header()] = None,
    ) -> str:
        return f"{order_id} {limit} {if_match}"

    return app


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(traced(build()), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://pharos") as client:
        yield client


def read(response: httpx.Response) -> dict[str, Any]:
    """The problem in an answer, after what holds for every problem has been checked."""
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["vary"] == "Accept-Language"
    assert SECRET not in response.text
    shown: dict[str, Any] = response.json()
    ProblemView.model_validate(shown, extra="forbid")
    assert shown["status"] == response.status_code
    assert shown["type"] == f"/problems/{shown['code']}"
    assert shown["trace_id"] == TRACE
    return shown


def places(shown: dict[str, Any]) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in shown["errors"]]


async def test_a_refusal_says_what_happened_and_where(client: httpx.AsyncClient) -> None:
    response = await client.get("/failures/refused")
    assert response.headers["content-language"] == "en"
    assert read(response) == {
        "type": "/problems/deal_already_closed",
        "title": "Not possible in the present state",
        "status": 409,
        "detail": "Deal 7 is already won. Reopen it first.",
        "code": "deal_already_closed",
        "errors": [
            {
                "pointer": "/deal_id",
                "code": "deal_already_closed",
                "detail": "Deal 7 is already won. Reopen it first.",
            }
        ],
        "trace_id": TRACE,
        "retryable": False,
    }


async def test_a_refusal_in_chinese(client: httpx.AsyncClient) -> None:
    response = await client.get("/failures/refused", headers={"accept-language": "zh-CN,en;q=0.5"})
    assert response.headers["content-language"] == "zh"
    shown = read(response)
    assert shown["title"] == "当前状态下不能执行"
    assert shown["detail"] == "商机 7 已是 won 状态，请先重新打开。"
    assert shown["code"] == "deal_already_closed"


@pytest.mark.parametrize(
    ("name", "status", "code", "retryable", "header"),
    [
        ("unknown", 404, "deal_unknown", False, None),
        ("token", 401, "token_expired", False, ("www-authenticate", "Bearer")),
        ("store", 503, "store_away", True, ("retry-after", "1")),
        ("rate", 429, "rate_used_up", True, ("retry-after", "30")),
        ("bug", 500, "internal_error", False, None),
        ("large", 413, "request_too_large", False, None),
        ("teapot", 418, "request_refused", False, None),
        ("broken", 502, "internal_error", False, None),
    ],
)
async def test_every_failure_is_a_problem(
    client: httpx.AsyncClient,
    name: str,
    status: int,
    code: str,
    *,
    retryable: bool,
    header: tuple[str, str] | None,
) -> None:
    response = await client.get(f"/failures/{name}")
    shown = read(response)
    assert (shown["status"], shown["code"], shown["retryable"]) == (status, code, retryable)
    assert shown["errors"] == []
    if header:
        assert response.headers[header[0]] == header[1]


async def test_a_parameter_is_named_as_one(client: httpx.AsyncClient) -> None:
    (error,) = read(await client.get("/failures/cursor"))["errors"]
    assert error["parameter"] == "cursor"
    assert "pointer" not in error


async def test_an_answer_without_a_body_stays_without_one(client: httpx.AsyncClient) -> None:
    response = await client.get("/failures/not-modified")
    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["etag"] == '"7"'


async def test_a_wrong_address_or_method_is_a_problem(client: httpx.AsyncClient) -> None:
    assert read(await client.get("/客户"))["code"] == "route_not_found"
    response = await client.put("/orders", json={})
    assert read(response)["code"] == "method_not_allowed"
    assert response.headers["allow"] == "POST"


PRICE: Final = {"amount": "1.00", "currency": "CNY"}
GOOD: Final[dict[str, Any]] = {"name": "华东", "lines": [{"price": PRICE}]}


def line(**fields: object) -> dict[str, Any]:
    return {**GOOD, "lines": [{"price": PRICE, **fields}]}


def price(**fields: object) -> dict[str, Any]:
    return line(price={**PRICE, **fields})


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, [("/name", "missing"), ("/lines", "missing")]),
        ({**GOOD, "name": 7}, [("/name", "text_expected")]),
        ({**GOOD, "name": " "}, [("/name", "text_blank")]),
        ({**GOOD, "name": "\u200b"}, [("/name", "text_blank")]),
        ({**GOOD, "name": "长" * 201}, [("/name", "text_too_long")]),
        ({**GOOD, "name": "a\x00"}, [("/name", "text_control_character")]),
        ({**GOOD, "lines": []}, [("/lines", "list_too_short")]),
        ({**GOOD, "lines": GOOD["lines"] * 4}, [("/lines", "list_too_long")]),
        ({**GOOD, "lines": {}}, [("/lines", "list_expected")]),
        ({**GOOD, "lines": [1]}, [("/lines/0", "object_expected")]),
        ({**GOOD, "a/b~c": 1}, [("/a~1b~0c", "unknown_field")]),
        ({**GOOD, "closed_on": "2025-02-30"}, [("/closed_on", "date_invalid")]),
        ({**GOOD, "code": "x" + SECRET}, [("/code", "value_invalid")]),
        (price(amount=1), [("/lines/0/price/amount", "decimal_invalid")]),
        (price(currency="BTC"), [("/lines/0/price/currency", "currency_unknown")]),
        (price(amount="1.001"), [("/lines/0/price", "money_too_fine")]),
        (line(price={"amount": "1"}), [("/lines/0/price/currency", "missing")]),
        (line(share="0"), [("/lines/0/share", "share_invalid")]),
        (line(kind=SECRET), [("/lines/0/kind", "choice_unknown")]),
        ([], [("", "object_expected")]),
        (SECRET, [("", "object_expected")]),
        (None, [("", "missing")]),
    ],
)  # fmt: skip
async def test_each_fault_of_a_body_has_its_pointer(
    client: httpx.AsyncClient, body: object, errors: list[tuple[str, str]]
) -> None:
    shown = read(await client.post("/orders", json=body))
    assert (shown["status"], shown["code"]) == (422, "invalid_request")
    assert places(shown) == errors
    assert shown["detail"].startswith(f"Places in the request that need a change: {len(errors)}.")


async def test_the_words_say_what_to_send_instead(client: httpx.AsyncClient) -> None:
    body = {**line(kind="x", share="25%"), "name": "长" * 201}
    english = read(await client.post("/orders", json=body))
    chinese = read(await client.post("/orders", json=body, headers={"accept-language": "zh"}))
    assert [error["detail"] for error in english["errors"]] == [
        "Send at most 200 characters.",
        "Send one of: product, service.",
        FIELD_WORDS["share_invalid"].en,
    ]
    assert [error["detail"] for error in chinese["errors"]] == [
        "最多 200 个字符。",
        "请从以下值中选择：product, service。",
        '请用带引号的文本发送占比，大于 0 且不超过 1，例如 25% 写作 "0.25"，最多 6 位小数。',
    ]


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"tagged": {"kind": "one"}}, [("/tagged/one", "missing")]),
        ({"tagged": {"kind": "two", "two": 1}}, [("/tagged/two", "decimal_invalid")]),
        ({"tagged": {"kind": SECRET}}, [("/tagged", "choice_unknown")]),
        ({"tagged": {}}, [("/tagged", "choice_missing")]),
        ({"plain": {"kind": "one", "one": ""}},
         [("/plain/one", "text_blank"), ("/plain/kind", "choice_unknown"),
          ("/plain/two", "missing"), ("/plain/one", "unknown_field")]),
        ({"ids": {"甲": "x"}}, [("/ids/甲", "id_invalid")]),
    ],
)  # fmt: skip
async def test_branches_of_the_schema_are_no_part_of_a_pointer(
    client: httpx.AsyncClient, body: object, errors: list[tuple[str, str]]
) -> None:
    assert places(read(await client.post("/choices", json=body))) == errors


async def test_a_named_error_may_come_out_of_a_validator(client: httpx.AsyncClient) -> None:
    shown = read(await client.post("/orders", json={**GOOD, "code": SECRET}))
    assert shown["code"] == "cursor_unreadable"
    assert places(shown) == [("/code", "cursor_unreadable")]


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b'{"name": ', "application/json", 422, "json_invalid"),
        (b"name=a", "application/x-www-form-urlencoded", 422, "not_json"),
        (b"{}", None, 422, "not_json"),
        (b'{"name": "\xff"}', "application/json", 400, None),
        (b"[" * 9_000, "application/json", 400, None),
    ],
)
async def test_what_is_not_json_is_told_so(
    client: httpx.AsyncClient, content: bytes, kind: str | None, status: int, code: str | None
) -> None:
    headers = {"content-type": kind} if kind else {}
    shown = read(await client.post("/orders", content=content, headers=headers))
    assert shown["status"] == status
    assert [error["code"] for error in shown["errors"]] == ([code] if code else [])


async def test_parameters_and_headers_are_named_by_where_they_are(
    client: httpx.AsyncClient,
) -> None:
    response = await client.get("/orders/x?limit=201", headers={"if-match": "\t"})
    errors = read(response)["errors"]
    assert [
        (error.get("parameter") or error["header"], error["code"], error["detail"])
        for error in errors[:2]
    ] == [
        ("order_id", "id_invalid", errors[0]["detail"]),
        ("limit", "above_maximum", "Send 200 or less."),
    ]
    assert errors[2]["header"] == "if-match"


async def test_a_field_name_cannot_break_or_swell_the_answer(client: httpx.AsyncClient) -> None:
    long, lone = "x" * 5_000, '{"name": "a", "lines": [], "\\ud800": 1}'
    shown = read(await client.post("/orders", json={**GOOD, long: 1}))
    assert places(shown) == [("/" + "x" * 99 + "…", "unknown_field")]
    answer = await client.post(
        "/orders", content=lone, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422


def test_the_list_of_faults_is_bounded_and_says_nothing_twice() -> None:
    error = {"type": "missing", "loc": ("body", "name"), "ctx": None}
    many = [{**error, "loc": ("body", "lines", index)} for index in range(500)]
    for errors, count in ((many, problems.ERRORS_MAX), ([error] * 500, 1)):
        shown = json.loads(bytes(problems.invalid(errors, "en", None).body))
        assert len(shown["errors"]) == count
        assert shown["trace_id"] is None


async def test_a_bug_is_logged_with_its_trace(client: httpx.AsyncClient) -> None:
    with capture_logs() as logs:
        await client.get("/failures/bug")
        await client.get("/failures/store")
        await client.get("/failures/refused")
    assert [(line["event"], line["log_level"], line["trace_id"]) for line in logs] == [
        ("request_failed", "error", TRACE),
        ("unavailable", "warning", TRACE),
    ]
    assert logs[0]["exc_info"] is FAILURES["bug"]
