"""JSON as nobody should send it: refused by name, before anything believes it."""

import json

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import PharosError
from shared.http import json_body
from shared.http.json_body import (
    DEPTH_MAX,
    KEYS_MAX,
    VALUES_MAX,
    JsonKeyTwice,
    JsonNotUtf8,
    JsonTooDeep,
    JsonTooMany,
)
from tests.service.conftest import Installation

ACCOUNTS = "/v1/accounts"
JSON = {"content-type": "application/json"}
NAMED = b'{"name":"\xe7\x81\xaf"}'

ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
    max_leaves=30,
)


@given(value=ANY, ascii_only=st.booleans(), indent=st.sampled_from([None, 2]))
@settings(max_examples=300, deadline=None)
def test_whatever_is_written_with_each_name_once_is_read(
    value: object, *, ascii_only: bool, indent: int | None
) -> None:
    written = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    assert json_body.read(written) == value


@given(first=ANY, name=st.text(), second=ANY, ascii_only=st.booleans())
@settings(max_examples=300, deadline=None)
def test_a_name_that_stands_twice_is_found_wherever_it_is(
    first: object, name: str, second: object, *, ascii_only: bool
) -> None:
    def written(value: object) -> str:
        return json.dumps(value, ensure_ascii=ascii_only)

    twice = f"{{{written(name)}: {written(first)}, {written(name)} :{written(second)}}}"
    with pytest.raises(JsonKeyTwice):
        json_body.read(f'{{"灯": [1, {twice}]}}'.encode())


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"a":1,"a":1}', "/a"),
        (b'{"a":1,"\\u0061":1}', "/a"),
        (b'{"a":[{"b":":"},{"c/d":{"~":1,"~":2}}]}', "/a/1/c~1d/~0"),
        (b'{"a":"\\u003a","a":"\\u003a"}', "/a"),
        (b'{"a":"\\\\u003a:","a":1}', "/a"),
    ],
)
def test_a_name_that_stands_twice_is_pointed_at(body: bytes, pointer: str) -> None:
    with pytest.raises(JsonKeyTwice) as refused:
        json_body.read(body)
    assert refused.value.pointer == pointer


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (b"[" * DEPTH_MAX + b"]" * DEPTH_MAX, None),
        (b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1), JsonTooDeep),
        (b'{"a":' * (DEPTH_MAX + 1) + b"1" + b"}" * (DEPTH_MAX + 1), JsonTooDeep),
        (orjson.dumps({str(n): n for n in range(KEYS_MAX)}), None),
        (orjson.dumps({str(n): n for n in range(KEYS_MAX + 1)}), JsonTooMany),
        (orjson.dumps([0] * VALUES_MAX), None),
        (orjson.dumps([0] * (VALUES_MAX + 1)), JsonTooMany),
        (orjson.dumps("[" * 1000 + "," * 1000 + ":" * 1000), None),
    ],
)
def test_depth_names_and_values_are_bounded(body: bytes, refusal: type[PharosError] | None) -> None:
    if refusal is None:
        json_body.read(body)
    else:
        with pytest.raises(refusal):
            json_body.read(body)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_json_is_utf8_without_a_mark(encoding: str) -> None:
    with pytest.raises(JsonNotUtf8):
        json_body.read('{"name":"灯"}'.encode(encoding))


@pytest.mark.parametrize(
    "body",
    [
        b'{"name":NaN}',
        b'{"name":Infinity}',
        b'{"name":1e400}',
        b'{"name":"\\ud800"}',
        b'{"name":"\xed\xa0\x80"}',
        b'{"name":"\xff"}',
        b'{"name":"\x00"}',
        b'{"name":01}',
        b"{'name':1}",
        b'{"name":"a"} x',
        b"[" * 2_000_000,
        b"9" * 5_000,
    ],
)
async def test_what_is_no_json_is_refused_with_the_place(
    installation: Installation, body: bytes
) -> None:
    async with installation.api("pipeline") as api:
        answer = await api.post(ACCOUNTS, content=body, headers=JSON)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["code"] == "json_invalid"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"name":"a","name":"b"}', 422, "json_key_twice"),
        (b"\xef\xbb\xbf{}", 422, "json_not_utf8"),
        (b"[" * 40 + b"]" * 40, 422, "json_too_deep"),
        (orjson.dumps({str(n): n for n in range(300)}), 413, "json_too_many"),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh"])
async def test_what_is_refused_of_a_body_has_its_own_problem(
    installation: Installation, body: bytes, status: int, code: str, language: str
) -> None:
    async with installation.api("pipeline") as api:
        headers = {**JSON, "accept-language": language}
        answer = await api.post(ACCOUNTS, content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-language"] == language


@pytest.mark.parametrize(
    ("media_type", "status"),
    [
        ("application/json", 201),
        ("application/json; charset=utf-8", 201),
        ('APPLICATION/JSON;charset="UTF-8"', 201),
        ("application/vnd.erp+json", 201),
        ("application/json; charset=gb18030", 415),
        ("application/json; charset=utf-16", 415),
        ("text/plain", 415),
        ("text/json", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/xml", 415),
        ("", 415),
        ("json", 415),
        ("\xff\x80", 415),
    ],
)
async def test_a_body_says_that_it_is_json(
    installation: Installation, media_type: str, status: int
) -> None:
    async with installation.api("pipeline") as api:
        headers = [(b"content-type", media_type.encode("latin-1"))]
        answer = await api.post(ACCOUNTS, content=NAMED, headers=headers)
        assert answer.status_code == status
        if status == 415:
            assert answer.json()["code"] == "media_type_not_supported"
            assert answer.headers["accept"] == "application/json"


async def test_a_body_that_is_missing_is_a_fault_of_the_body(installation: Installation) -> None:
    async with installation.api("pipeline") as api:
        assert (await api.post(ACCOUNTS)).status_code == 422
