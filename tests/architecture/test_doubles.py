"""Tests run our own code, a real database and a real broker: there is nothing to pretend."""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.source import Finding, Source, finds, must_be_clean

LIBRARIES = ("unittest.mock", "mock", "pytest_mock", "mockito", "flexmock", "doublex", "sqlite3")
OURS = ("services", "shared", "deploy", "tests")


# It takes single checks out of our own code, to see that the other tests of its folder notice.
MUTATES = "tests/authorisation/test_mutations.py"


def doubles(source: Source) -> Iterator[Finding]:
    """Yield mock libraries, their fixture, and patches of our own code."""
    for imported in source.imports():
        if imported.within(*LIBRARIES):
            yield source.finding(imported.line, f"{imported.target}: no mocks, no fake database")
    foreign = {i.target.split(".")[0] for i in source.imports() if not i.within(*OURS)}
    for node in source.nodes:
        if isinstance(node, ast.arg) and node.arg == "mocker":
            yield source.finding(node, "mocker: no mocks")
        elif source.path == MUTATES:
            continue
        elif isinstance(node, ast.Call) and _patches_ours(node, foreign):
            yield source.finding(node, "a patch of our own code: run the real thing")


def _patches_ours(call: ast.Call, foreign: set[str]) -> bool:
    """Tell whether a call is ``monkeypatch.setattr`` on anything of ours but a limit.

    The platform may be patched (``importlib.util.find_spec``: a wheel that is not installed), and
    so may a limit in capitals that a test cannot wait for.
    """
    if ast.unparse(call.func) not in {"monkeypatch.setattr", "monkeypatch.setitem"}:
        return False
    match call.args:
        case [ast.Constant(value=str(target)), *_]:
            return target.split(".")[0] in OURS and not target.rpartition(".")[2].isupper()
        case [owner, ast.Constant(value=str(name)), *_]:
            return ast.unparse(owner).split(".")[0] not in foreign and not name.isupper()
        case _:
            return True


def test_nothing_of_ours_is_mocked() -> None:
    must_be_clean(doubles, "tests", "services", "shared", "deploy")


@pytest.mark.parametrize(
    "code",
    [
        "import unittest.mock",
        "from unittest import mock",
        "from unittest.mock import AsyncMock",
        "from pytest_mock import MockerFixture",
        "def test_a(mocker): ...",
        "monkeypatch.setattr(store, 'lock', None)",
        "monkeypatch.setattr('services.pipeline.deals.store.lock', None)",
        "import sqlite3",
    ],
)
def test_a_double_is_found(code: str) -> None:
    assert finds(doubles, "tests/unit/test_deals.py", code)


@pytest.mark.parametrize(
    "code",
    [
        "import unittest",
        "monkeypatch.setenv('PHAROS_A', '1')",
        "monkeypatch.setattr('deploy.local.supervisor.LOG_BYTES_MAX', 8)",
        "monkeypatch.setattr('importlib.util.find_spec', nothing)",
        "import importlib.util\nmonkeypatch.setattr(importlib.util, 'find_spec', nothing)",
    ],
)
def test_the_platform_and_the_limits_may_be_set(code: str) -> None:
    assert not finds(doubles, "tests/unit/test_deals.py", code)
