"""How `pharos verify` finds its databases, and gives its answer."""

import json
from pathlib import Path

import pytest

from deploy import verifying
from deploy.local.errors import EmbeddedError
from deploy.verify.findings import Report
from deploy.verify.words import sentence, summary
from shared.period import FiscalCalendar


@pytest.mark.parametrize(
    ("databases", "sentence"),
    [
        ("{", "PHAROS_VERIFY_DATABASES is no JSON"),
        ("[]", "which service has which URL"),
        ('{"targets": 1}', "which service has which URL"),
        ('{"sales": "postgresql://h/x"}', "names services: targets, pipeline"),
        ("{}", "names services: targets, pipeline"),
    ],
)
def test_databases_that_are_named_wrongly_are_refused(databases: str, sentence: str) -> None:
    with pytest.raises(verifying.NotVerified, match=sentence):
        verifying.named(databases)


def test_a_database_that_does_not_answer_is_told() -> None:
    databases = '{"targets": "postgresql://user:very-secret@127.0.0.1:1/x"}'
    with pytest.raises(verifying.NotVerified, match="cannot be read") as told:
        verifying.verified(databases, Path(), FiscalCalendar())
    assert "very-secret" not in str(told.value)


def test_a_folder_without_an_installation_is_told(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match="There is no installation in"):
        verifying.verified(None, tmp_path / "没有", FiscalCalendar())
    assert not (tmp_path / "没有").exists()


def test_nothing_found_ends_with_0() -> None:
    report = Report()
    report.checked["deals"] = 8800
    assert verifying.exit_code(report) == 0
    assert verifying.told(report, "en") == "Checked 8,800 deals: 0 wrong, 0 open."
    assert verifying.told(report, "zh") == "已核对 8,800 笔商机：0 处错误，0 处未完成。"


def test_what_is_wrong_comes_first_and_decides() -> None:
    report = Report()
    report.open("watermark.behind", "targets.watermark attainment", 3, 5)
    assert verifying.exit_code(report) == 3
    report.wrong("attainment.actual", "targets.attainment 东区", "1.00", "1.01")
    assert verifying.exit_code(report) == 1
    assert verifying.told(report, "en").splitlines() == [
        "wrong: targets.attainment 东区: says 1.00, should say 1.01 (attainment.actual)",
        "not yet followed: targets.watermark attainment is at 3 of 5",
        "Checked 0: 1 wrong, 1 open.",
    ]
    machine = json.loads(verifying.told_to_machines(report))
    assert (machine["wrong"], machine["open"]) == (1, 1)
    assert machine["findings"][1] == {
        "check": "attainment.actual",
        "where": "targets.attainment 东区",
        "says": "1.00",
        "should_say": "1.01",
        "kind": "wrong",
    }


def test_every_finding_can_be_said_in_both_languages() -> None:
    report = Report()
    report.open("parked.waits", "targets.parked {0}", "没有 {契约}", "")
    (finding,) = report.findings
    assert sentence(finding, "en").startswith("parked, replay or discard it: targets.parked {0}")
    assert sentence(finding, "zh").startswith("已搁置，请重放或丢弃：targets.parked {0}")
    assert summary(report, "zh") == "已核对 0：0 处错误，1 处未完成。"


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "zh_TW"}, "zh"),
    ],
)
def test_the_terminal_decides_the_language(environment: dict[str, str], language: str) -> None:
    assert verifying.language_of(environment) == language
