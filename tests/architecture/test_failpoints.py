"""Every failpoint has its name, its explanation and its one place."""

import ast
from collections import Counter
from collections.abc import Iterator

import pytest

from shared.failpoints import PLACES
from tests.architecture.source import Finding, Source, finds, must_be_clean, sources

FOLDERS = ("services", "shared", "deploy")
HOME = "shared/failpoints.py"


def names(source: Source) -> Iterator[tuple[ast.Call, str | None]]:
    """Yield each pass of a failpoint with its name, None where that is no literal."""
    if source.path == HOME:
        return
    for node in source.nodes:
        if isinstance(node, ast.Call) and _called(node) == "reach":
            match node.args:
                case [ast.Constant(value=str(name))]:
                    yield node, name
                case _:
                    yield node, None


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def unknown(source: Source) -> Iterator[Finding]:
    """Yield passes of a failpoint that is not declared, and ways around `reach`."""
    for node, name in names(source):
        if name not in PLACES:
            yield source.finding(node, f"{name}: name a failpoint of {HOME}, as a literal")
    if source.within(HOME, "deploy/serving.py"):
        return
    for imported in source.imports():
        if imported.within("shared.failpoints") and imported.target not in ALLOWED:
            yield source.finding(imported.line, f"{imported.target}: code passes by, no more")


ALLOWED = {"shared.failpoints.reach", "shared.failpoints.parse"}


def test_only_declared_failpoints_are_passed() -> None:
    must_be_clean(unknown, *FOLDERS)


def test_every_failpoint_is_passed_at_exactly_one_place() -> None:
    passed = Counter(
        name for folder in FOLDERS for source in sources(folder) for _, name in names(source)
    )
    assert {name: passed[name] for name in PLACES if passed[name] != 1} == {}


def test_every_failpoint_says_what_has_and_has_not_happened() -> None:
    for name, sentence in PLACES.items():
        assert sentence.endswith("."), name
        assert len(sentence.split()) > 5, name
    assert len(set(PLACES.values())) == len(PLACES)


@pytest.mark.parametrize(
    "code",
    [
        "await reach('relay.nowhere')",
        "await failpoints.reach('relay.nowhere')",
        "await reach(name)",
        "await reach(f'relay.{step}')",
        "from shared import failpoints",
        "from shared.failpoints import arm",
    ],
)
def test_another_use_is_found(code: str) -> None:
    assert finds(unknown, "shared/events/relay.py", code)


def test_a_pass_is_fine() -> None:
    code = "from shared.failpoints import reach\nawait reach('relay.numbered')"
    assert not finds(unknown, "shared/events/relay.py", code)
