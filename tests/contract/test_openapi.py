"""The OpenAPI documents: complete, true, and changed only on purpose.

After a wished change: ``PHAROS_WRITE_SNAPSHOTS=1 make test TESTS=tests/contract``.
"""

import copy
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from shared.errors import Refused
from shared.http.documents.raised import fails_with, raised_by
from tests.contract.breaking import breaking
from tests.contract.documents import SERVICES, Document, asked, openapi_of

FOLDER = Path(__file__).parent / "openapi"
WITHOUT_RECORDED_BODY = {
    "resume_consumer": "needs a consumer that has stopped: tests/service/test_repair.py",
    "repair_consumer": "needs a consumer that has stopped: tests/service/test_repair.py",
    **dict.fromkeys(
        ("create_webhook", "change_webhook", "rotate_secret", "replay_events"),
        "needs a receiver: tests/service/webhooks",
    ),
    "complete_upload": "needs a file in pieces: tests/service/jobs/test_uploads.py",
    "put_profile": "needs a noun that is imported: tests/service/jobs/test_profiles.py",
}
"""Operations whose example is made from the schema, beside the reason."""


def operations(document: Document) -> Iterator[tuple[str, Document]]:
    """Yield every operation with its method and path."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def examples(document: Document) -> Iterator[tuple[str, Document, Any]]:
    """Yield the place of every example of a body, an answer or a parameter, its schema, and it."""
    for place, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            if "example" in parameter:
                yield f"{place} {parameter['name']}", parameter["schema"], parameter["example"]
        contents = [("body", operation.get("requestBody", {}))]
        contents += list(operation["responses"].items())
        for name, content in contents:
            for kind, media in content.get("content", {}).items():
                for example in media.get("examples", {}).values():
                    yield f"{place} {name} {kind}", media["schema"], _value(example, document)


def _value(example: Document, document: Document) -> object:
    if "$ref" in example:
        example = document["components"]["examples"][example["$ref"].rpartition("/")[2]]
    return example["value"]


@pytest.mark.parametrize("service", SERVICES)
def test_the_description_is_the_published_one(service: str) -> None:
    path = FOLDER / f"{service}.json"
    document = without_examples(openapi_of(service))
    if os.environ.get("PHAROS_WRITE_SNAPSHOTS"):
        text = json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True)
        path.write_text(f"{text}\n", encoding="utf-8")
    assert document == json.loads(path.read_text(encoding="utf-8"))


def without_examples(node: object) -> object:
    """Return a document without its examples, which have a test of their own."""
    if isinstance(node, list):
        return [without_examples(item) for item in node]
    if isinstance(node, dict):
        return {
            key: without_examples(value)
            for key, value in node.items()
            if key not in {"example", "examples"}
        }
    return node


@pytest.mark.parametrize("service", SERVICES)
def test_nothing_that_was_released_is_broken(service: str) -> None:
    tags = _git("tag", "--list", "v*", "--sort=-version:refname").split()
    if not tags:
        pytest.skip("nothing has been released yet")
    released = _git("show", f"{tags[0]}:tests/contract/openapi/{service}.json")
    assert list(breaking(json.loads(released), openapi_of(service))) == []


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    return done.stdout if done.returncode == 0 else ""


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_says_what_it_does_and_has_a_name_of_its_own(service: str) -> None:
    document = openapi_of(service)
    named: set[str] = set()
    about = {tag["name"]: tag.get("description") for tag in document["tags"]}
    for place, operation in operations(document):
        assert operation["summary"], place
        assert len(operation["summary"]) <= 100, place
        assert operation["description"], place
        assert re.fullmatch(r"[a-z]+(_[a-z]+)+", operation["operationId"]), place
        assert operation["operationId"] not in named, place
        named.add(operation["operationId"])
        assert all(about[tag] for tag in operation["tags"]), f"say what {operation['tags']} are"
        assert operation["x-permission"], place


@pytest.mark.parametrize("service", SERVICES)
def test_every_example_fits_its_schema(service: str) -> None:
    document = openapi_of(service)
    count = 0
    for place, schema, example in examples(document):
        whole = {**schema, "components": document["components"]}  # which its references name
        faults = Draft202012Validator(whole).iter_errors(example)
        assert [fault.message for fault in faults] == [], place
        count += 1
    assert count > 50


@pytest.mark.parametrize("service", SERVICES)
def test_every_body_and_answer_has_an_example(service: str) -> None:
    for place, operation in operations(openapi_of(service)):
        contents = [operation.get("requestBody", {}), *operation["responses"].values()]
        for content in contents:
            for kind, media in content.get("content", {}).items():
                assert media.get("examples") or kind == "text/event-stream", place


@pytest.mark.parametrize("service", SERVICES)
def test_every_body_is_shown_by_a_request_that_was_made(service: str) -> None:
    """Else add one to services/<service>/examples.json: tests/flow/test_examples.py says how."""
    for place, operation in operations(openapi_of(service)):
        media = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        made_up = "made" in media.get("examples", {})
        assert made_up is (operation["operationId"] in WITHOUT_RECORDED_BODY), place


@pytest.mark.parametrize("service", SERVICES)
def test_every_failure_is_a_problem_with_the_codes_that_it_can_have(service: str) -> None:
    for place, operation in operations(openapi_of(service)):
        for status, answer in operation["responses"].items():
            if status[0] in "45":
                problem = answer["content"]["application/problem+json"]
                codes = problem["schema"]["allOf"][1]["properties"]["code"]["enum"]
                assert codes == sorted(codes), place
                assert list(problem["examples"]) == codes, place


def test_the_codes_of_an_operation_are_found_in_what_it_calls() -> None:
    move = openapi_of("pipeline")["paths"]["/v1/deals/{deal_id}/transitions"]["post"]
    refused = move["responses"]["409"]["content"]["application/problem+json"]
    assert list(refused["examples"]) == ["deal_already_closed", "deal_is_open"]
    read = openapi_of("pipeline")["paths"]["/v1/deals/{deal_id}"]["get"]
    assert "409" not in read["responses"]


class LampBroken(Refused):
    en = "The lamp is broken."
    zh = "灯坏了。"


def test_what_the_code_does_not_show_is_declared() -> None:
    assert fails_with(LampBroken) == {"x-problems": ["lamp_broken"]}


def test_an_error_that_nothing_mentions_is_not_found() -> None:
    async def endpoint() -> None:
        """Stand for a route."""

    assert raised_by(endpoint) == frozenset()


async def test_a_description_is_sent_once() -> None:
    first = await asked("pipeline", "/v1/openapi.json")
    assert first.headers["content-type"] == "application/json"
    again = await asked("pipeline", "/v1/openapi.json", **{"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def document_of(*fields: str, required: bool = False) -> Document:
    """Return the document of a service that keeps lamps."""
    properties = {field: {"type": "string"} for field in ("name", *fields)}
    lamp = {
        "type": "object",
        "properties": properties,
        "required": ["name", *fields] if required else ["name"],
    }
    content = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Lamp"}}}}
    operation = {
        "operationId": "put_lamp",
        "requestBody": {**content, "required": True},
        "responses": {"200": content},
    }
    return {"paths": {"/v1/lamps": {"put": operation}}, "components": {"schemas": {"Lamp": lamp}}}


def changed(document: Document, **operation: object) -> Document:
    """Return the document with another operation."""
    other = copy.deepcopy(document)
    other["paths"]["/v1/lamps"]["put"].update(operation)
    return other


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (document_of(), document_of(), []),
        (document_of(), document_of("colour"), []),
        (document_of(), {**document_of(), "paths": {}}, ["PUT /v1/lamps has gone"]),
        (
            document_of(),
            changed(document_of(), operationId="save_lamp"),
            ["PUT /v1/lamps is now called save_lamp"],
        ),
        (
            document_of(),
            changed(document_of(), parameters=[{"in": "query", "name": "room", "required": True}]),
            ["PUT /v1/lamps now demands room"],
        ),
        (
            document_of(),
            document_of("colour", required=True),
            ["PUT /v1/lamps body now demands colour"],
        ),
        (
            document_of("colour"),
            document_of(),
            ["PUT /v1/lamps body no longer takes colour", "PUT /v1/lamps 200 no longer has colour"],
        ),
        (
            document_of("colour", required=True),
            document_of("colour"),
            ["PUT /v1/lamps 200 does not always have colour any more"],
        ),
    ],
)
def test_what_breaks_a_client_is_found(old: Document, new: Document, found: list[str]) -> None:
    assert list(breaking(old, new)) == found
