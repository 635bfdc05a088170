"""The AsyncAPI documents: every event that a service tells or hears, as the contracts have it."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from shared.context import Origin
from shared.contracts.contract import contracts, decode
from shared.events.envelope import Event, from_headers, subject_of, to_headers
from shared.http.documents.asyncapi import source_of
from tests.contract.documents import SERVICES, asked, asyncapi_of
from tests.contract.node import run_script

HERE = Path(__file__).parent


def test_the_official_parser_finds_nothing(tmp_path: Path) -> None:
    files = []
    for service in SERVICES:
        file = tmp_path / f"{service}.json"
        file.write_text(json.dumps(asyncapi_of(service)), encoding="utf-8")
        files.append(str(file))
    run_script(HERE / "asyncapi.cjs", *files)


@pytest.mark.parametrize("service", SERVICES)
def test_every_event_of_a_service_is_there(service: str) -> None:
    document = asyncapi_of(service)
    sent = {
        operation["channel"]["$ref"].removeprefix("#/channels/")
        for operation in document["operations"].values()
        if operation["action"] == "send"
    }
    assert sent == {kind for kind in contracts() if source_of(kind) == service}


def test_a_service_says_what_it_listens_to() -> None:
    heard = {
        operation["channel"]["$ref"].removeprefix("#/channels/")
        for operation in asyncapi_of("knowledge")["operations"].values()
        if operation["action"] == "receive"
    }
    assert {"pharos.pipeline.deal.won.v1", "pharos.targets.member.assigned.v1"} <= heard
    assert not any(kind.startswith("pharos.performance.") for kind in heard)


@pytest.mark.parametrize("service", SERVICES)
def test_every_example_is_an_event_that_a_reader_takes(service: str) -> None:
    document = asyncapi_of(service)
    for kind, message in document["components"]["messages"].items():
        (example,) = message["examples"]
        headers, payload = example["headers"], json.dumps(example["payload"])
        envelope = document["components"]["schemas"]["Envelope"]
        assert list(Draft202012Validator(envelope).iter_errors(headers)) == []
        event = from_headers(headers, payload.encode(), 1)
        assert isinstance(decode(event.type, payload), contracts()[kind])
        address = document["channels"][kind]["address"].format(partition=event.partition)
        assert subject_of("pharos", event) == address


@pytest.mark.parametrize("service", SERVICES)
def test_the_headers_of_an_event_are_those_that_are_described(service: str) -> None:
    envelope = asyncapi_of(service)["components"]["schemas"]["Envelope"]
    message = next(iter(asyncapi_of(service)["components"]["messages"].values()), None)
    assert message is not None
    (example,) = message["examples"]
    event = from_headers(example["headers"], json.dumps(example["payload"]).encode(), None)
    assert isinstance(event, Event)
    assert event.origin is Origin.LIVE
    assert set(to_headers(event)) == set(envelope["properties"])


async def test_the_document_is_served() -> None:
    answer = await asked("targets", "/v1/asyncapi.json")
    assert answer.json() == asyncapi_of("targets")
