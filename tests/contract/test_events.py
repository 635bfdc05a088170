"""Every event's JSON schema is the one in the snapshot; fields are only ever added.

After a wished change: ``PHAROS_WRITE_SNAPSHOTS=1 make test TESTS=tests/contract``.
"""

import importlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from deploy.installation import SERVICES
from shared.contracts.contract import contracts, schema
from shared.contracts.roles import ROLES

# A contract is known once its module is imported.
for service in SERVICES:
    importlib.import_module(f"shared.contracts.{service}")

FOLDER = Path(__file__).parent / "events"
KINDS = sorted(contracts())


def snapshot(kind: str) -> dict[str, Any]:
    path = FOLDER / f"{kind}.json"
    if os.environ.get("PHAROS_WRITE_SNAPSHOTS"):
        FOLDER.mkdir(exist_ok=True)
        text = json.dumps(schema(contracts()[kind]), indent=2, ensure_ascii=False, sort_keys=True)
        path.write_text(f"{text}\n", encoding="utf-8")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_the_shape_of_an_event_is_the_published_one(kind: str) -> None:
    assert schema(contracts()[kind]) == snapshot(kind)


def test_no_published_event_has_gone() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.json")) == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_no_number_of_an_event_goes_through_a_float(kind: str) -> None:
    assert '"number"' not in json.dumps(schema(contracts()[kind]))


@pytest.mark.parametrize("kind", KINDS)
def test_each_event_is_readable_by_some_role(kind: str) -> None:
    assert any(contracts()[kind].READ in permissions for permissions in ROLES.values())
