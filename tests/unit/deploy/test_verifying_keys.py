"""Stored answers about webhooks, as `pharos verify` looks at them."""

import json
from typing import Any

import pytest

from deploy.verify.findings import Report
from deploy.verify.keys import check_keys
from deploy.verify.told import Log

HERE, GONE, UNKNOWN = (f"0195e7a0-5b7c-7d7e-9c1a-3f2b8e6d4c1{n}" for n in range(3))


def found(status: int, body: bytes) -> list[str]:
    """Return what is wrong with one stored answer."""
    tables: dict[str, list[dict[str, Any]]] = {
        **{name: [] for name in ("relay", "event_log", "outbox")},
        "webhook": [{"id": HERE, "version": 2}],
        "webhook_deleted": [{"subject": GONE}],
        "idempotency": [{"caller": "erp 王芳", "key": "1", "status": status, "body": body}],
    }
    report = Report()
    check_keys(report, "pipeline", tables, Log("pipeline", tables))
    return [finding.check for finding in report.findings]


def answer(webhook_id: str, version: int, **more: object) -> bytes:
    return json.dumps({"id": webhook_id, "version": version, "owner_client": "erp"} | more).encode()


@pytest.mark.parametrize(
    ("status", "body", "checks"),
    [
        (201, answer(HERE, 1, secret=None), []),
        (200, answer(HERE, 2), []),
        (200, answer(HERE, 3), ["idempotency.version"]),
        (201, answer(HERE, 2, secret="whsec_AAAA"), ["idempotency.secret"]),
        (201, answer(GONE, 1, secret=None), []),
        (201, answer(UNKNOWN, 1), ["idempotency.effect"]),
        (204, b"", []),
        (204, b"{}", ["idempotency.answer"]),
        (200, b"", ["idempotency.answer"]),
        (200, json.dumps({"id": UNKNOWN, "message_id": UNKNOWN}).encode(), []),
    ],
)  # fmt: skip
def test_an_answer_names_a_webhook_that_is_there_or_was_deleted(
    status: int, body: bytes, checks: list[str]
) -> None:
    assert found(status, body) == checks
