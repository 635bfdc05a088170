"""What the doctor makes of what the services say."""

import re
from typing import Any

import pytest

from deploy.operate.diagnosis import Finding, Signs, findings
from deploy.operate.words import WORDS, language_of_terminal, sentence

LEASES = ("relay:0", "audit", "consumer:attainment:pipeline:0")


def vitals(**changes: Any) -> dict[str, Any]:
    """Return the vitals of a service that is well, but for the changes."""
    return {
        "outbox_age_seconds": 0.0,
        "audit_unsealed_age_seconds": 0.0,
        "relays": [{"partition": 0, "head": 120, "acknowledged": 120}],
        "leases": [{"name": name, "held": True} for name in LEASES],
        "parked": [{"consumer": "attainment", "source": "pipeline", "partition": 0, "events": 0}],
        "log_default_rows": 0,
        "figures": [{"name": "recalculations_failed", "value": 0}],
        "revision": "0001",
        "newest_revision": "0001",
        "clock_ahead_seconds": 0.1,
        **changes,
    }


def consumer(**changes: Any) -> dict[str, Any]:
    return {
        "consumer": "attainment",
        "source": "pipeline",
        "partition": 0,
        "number": 120,
        "stopped": None,
        **changes,
    }


def found(*, reader: dict[str, Any] | None = None, **changes: Any) -> list[Finding]:
    """Return what is found wrong with targets, pipeline being well."""
    well = {"status": "ready", "database": "connected", "broker": "connected"}
    leases = [{"name": name, "held": True} for name in ("relay:0", "audit")]
    pipeline = Signs("pipeline", "http://p", None, None, well, vitals(leases=leases, parked=[]))
    targets = Signs(
        "targets", "http://t", None, None, well, vitals(**changes), [reader or consumer()]
    )
    return list(findings([pipeline, targets]))


def test_where_all_is_well_nothing_is_found() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("changes", "key", "command"),
    [
        ({"revision": "0000"}, "schema_behind", "pharos migrate targets"),
        ({"outbox_age_seconds": 31.0}, "outbox_old", "pharos serve targets --role worker"),
        (
            {"audit_unsealed_age_seconds": 31.0},
            "audit_unsealed",
            "pharos serve targets --role worker",
        ),
        (
            {"relays": [{"partition": 0, "head": 5_000, "acknowledged": 1}]},
            "broker_behind",
            "",
        ),
        (
            {"leases": [{"name": name, "held": True} for name in ("relay:0", "audit")]},
            "lease_free",
            "pharos serve targets --role worker",
        ),
        (
            {
                "parked": [
                    {"consumer": "attainment", "source": "pipeline", "partition": 0, "events": 3}
                ]
            },
            "events_parked",
            "pharos park list --service targets --consumer attainment",
        ),
        (
            {"figures": [{"name": "recalculations_failed", "value": 2}]},
            "payees_set_aside",
            "pharos payees list",
        ),
        ({"clock_ahead_seconds": -3600.0}, "clock_wrong", ""),
        (
            {"reader": consumer(number=90, stopped="来源已从旧备份恢复")},
            "consumer_stopped",
            "pharos consumer repair targets attainment",
        ),
        ({"reader": consumer(number=130)}, "consumer_ahead", "pharos doctor"),
    ],
)
def test_what_is_wrong_is_named_with_the_command_that_mends_it(
    changes: dict[str, Any], key: str, command: str
) -> None:
    (finding,) = found(**changes)
    assert (finding.key, finding.command, finding.notice) == (key, command, False)
    for language in ("en", "zh"):
        text = sentence("zh" if language == "zh" else "en", finding.key, **finding.facts)
        assert "{" not in text


def test_rows_outside_the_weekly_partitions_are_a_notice() -> None:
    (finding,) = found(log_default_rows=4)
    assert (finding.key, finding.notice) == ("default_rows", True)


def test_disabled_webhooks_are_a_notice() -> None:
    (finding,) = found(figures=[{"name": "webhooks_disabled", "value": 2}])
    assert (finding.key, finding.notice) == ("webhooks_disabled", True)


def test_a_backlog_is_told_from_a_thousand_events_on() -> None:
    assert found(reader=consumer(number=0)) == []
    behind = Signs(
        "pipeline",
        "http://p",
        vitals=vitals(
            relays=[{"partition": 0, "head": 9_000, "acknowledged": 9_000}],
            leases=[{"name": name, "held": True} for name in ("relay:0", "audit")],
            parked=[],
        ),
    )
    reader = Signs("targets", "http://t", vitals=vitals(), consumers=[consumer()])
    (finding,) = findings([behind, reader])
    assert (finding.key, finding.facts["lag"]) == ("consumer_lags", 8_880)


@pytest.mark.parametrize(
    ("signs", "key"),
    [
        (Signs("targets", "http://t", silent="ConnectError"), "service_away"),
        (Signs("targets", "http://t", refused="Forbidden."), "not_allowed"),
        (Signs("targets", "http://t", readiness={"database": "away"}), "database_away"),
        (
            Signs("targets", "http://t", readiness={"database": "connected", "work": "X"}),
            "work_hindered",
        ),
        (
            Signs("targets", "http://t", readiness={"database": "connected", "broker": "away"}),
            "broker_away",
        ),
    ],
)
def test_a_service_that_does_not_answer_as_it_should_is_found(signs: Signs, key: str) -> None:
    (finding,) = findings([signs])
    assert finding.key == key
    assert sentence("zh", key, **finding.facts) != sentence("en", key, **finding.facts)


@pytest.mark.parametrize("key", WORDS)
def test_both_languages_tell_the_same_facts(key: str) -> None:
    words = WORDS[key]
    places = [set(re.findall(r"(?<!\{)\{(\w+)\}", text)) for text in words]
    assert places[0] == places[1]


@pytest.mark.parametrize(
    ("lang", "language"), [("zh_CN.UTF-8", "zh"), ("en_US.UTF-8", "en"), ("C", "en"), ("", "en")]
)
def test_the_terminal_says_which_language(
    lang: str, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", lang)
    assert language_of_terminal() == language
