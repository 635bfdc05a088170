"""Alerts and runbook name what exists: metrics that services have, commands, headings."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
from typer.main import get_command

from deploy.cli import app
from shared.http.service import Service
from shared.metrics import Metrics
from tests.architecture.source import ROOT

ALERTS = (ROOT / "deploy" / "observability" / "alerts.yaml").read_text(encoding="utf-8")
RUNBOOK = (ROOT / "deploy" / "runbook.md").read_text(encoding="utf-8")
GUIDE = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
SERVICES = sorted(path.parent.name for path in (ROOT / "services").glob("*/service.py"))
PLAIN_COUNTS = {"http_request_seconds", "relay_events", "consumer_events", "consumer_watermark"}
"""Metrics that say what they are, and call for nothing."""
PATTERN = re.compile(r'__name__=~"pharos_\(([a-z|]+)\)_(\w+)"')
PLAIN = re.compile(r"(?<![\w(])pharos_([a-z]+)_(\w+)")


def metrics_of(service: str) -> set[str]:
    """Return the names of a service's metrics, without their prefix."""
    metrics = Metrics(service)
    for figure in import_module(f"services.{service}.service").SERVICE.all_figures:
        metrics.figure(figure.name, figure.text)
    return {family.name.removeprefix(f"pharos_{service}_") for family in metrics.registry.collect()}


def named_in(rules: str) -> Iterator[tuple[str, str]]:
    """Yield (service, metric) for all that rules ask for."""
    for services, name in PATTERN.findall(rules):
        yield from ((service, name) for service in services.split("|"))
    yield from PLAIN.findall(PATTERN.sub("", rules))


def anchors(text: str) -> set[str]:
    """Return the anchors of a document's headings, as its readers make them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(words: str) -> tuple[str, ...]:
    """Return the command that a line names, as far as it exists."""
    found: list[str] = []
    here = get_command(app)
    for word in words.split():
        known = getattr(here, "commands", {})
        if word not in known:
            break
        here = known[word]
        found.append(word)
    return tuple(found) if not getattr(here, "commands", {}) else ()


def test_every_alert_asks_for_metrics_that_exist() -> None:
    named = list(named_in(ALERTS))
    assert len(named) > len(SERVICES)
    for service, name in named:
        assert name in metrics_of(service), f"{service} has no metric {name}"


def test_every_alert_leads_to_a_heading() -> None:
    places = re.findall(r'runbook: "(deploy/[\w.]+)#([\w-]+)"', ALERTS)
    assert len(places) == ALERTS.count("- alert:")
    for file, anchor in places:
        assert anchor in anchors(Path(ROOT / file).read_text(encoding="utf-8")), anchor


def test_every_gauge_and_counter_of_operators_is_explained() -> None:
    for service in SERVICES:
        for name in metrics_of(service):
            told = name in GUIDE or name in PLAIN_COUNTS
            assert told, f"deploy/README.md does not explain {name}"


@pytest.mark.parametrize("text", [RUNBOOK, GUIDE], ids=["runbook", "guide"])
def test_every_command_that_is_recommended_exists(text: str) -> None:
    for words in re.findall(r"pharos ((?:[a-z]+ ?)+)", text):
        # `verify` comes with the verifier.
        assert words.startswith("verify") or commands(words), f"there is no command pharos {words}"


def test_a_metric_that_is_not_there_is_found() -> None:
    rules = "expr: '{__name__=~\"pharos_(targets)_consumer_lost\"} > pharos_pipeline_nothing'"
    assert list(named_in(rules)) == [("targets", "consumer_lost"), ("pipeline", "nothing")]


def cannot_be_repaired(services: Mapping[str, Service]) -> Iterator[str]:
    """Yield the readers that a restore of their source would leave wrong for ever."""
    for service in services.values():
        for reader in service.subscriptions:
            kept = services[reader.source].snapshots
            if reader.correct is None or reader.snapshot not in kept:
                yield f"{service.name}: {reader.consumer} of {reader.source}"


def declared() -> dict[str, Service]:
    return {name: import_module(f"services.{name}.service").SERVICE for name in SERVICES}


def test_every_reader_can_be_brought_to_what_its_source_holds() -> None:
    assert list(cannot_be_repaired(declared())) == []


def test_a_reader_that_cannot_be_repaired_is_found() -> None:
    services = declared()
    reader, *others = services["knowledge"].subscriptions
    lame = replace(reader, snapshot="invoices")
    lame_service = replace(services["knowledge"], subscriptions=(lame, *others))
    assert list(cannot_be_repaired({**services, "knowledge": lame_service})) == [
        "knowledge: wins of pipeline"
    ]
