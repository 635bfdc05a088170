"""Time comes from shared.clock and identity from shared.ids; nothing else asks the machine."""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.source import Finding, Source, finds, must_be_clean

TIME_SOURCES = ("shared/clock.py",)
CHANCE_SOURCES = ("shared/clock.py", "shared/ids.py", "deploy/local")
# The log's partitions begin at the database's midnight, whatever people call the day.
UTC_DAYS = ("shared/events/retention.py",)
CLOCKS = {
    *(f"{kind}.{name}" for kind in ("datetime", "date") for name in ("now", "today", "utcnow")),
    *(f"time.{name}" for name in ("time", "time_ns", "gmtime", "localtime", "ctime", "strftime")),
}
DICE = {"uuid1", "uuid4", "uuid6", "uuid7", "uuid8", "urandom", "SystemRandom"}


def clocks(source: Source) -> Iterator[Finding]:
    """Yield every reading of the machine's clock; monotonic ones measure, they tell no time."""
    if source.within(*TIME_SOURCES):
        return
    for node in source.nodes:
        if isinstance(node, ast.Attribute) and _dotted(node) in CLOCKS:
            yield source.finding(node, "the machine's clock; take `now` from shared.clock")
    for imported in source.imports():
        if imported.target in CLOCKS:
            yield source.finding(imported.line, "the machine's clock; take `now` from shared.clock")


def days(source: Source) -> Iterator[Finding]:
    """Yield every day that is taken of a moment without asking where the day begins."""
    if source.within(*UTC_DAYS):
        return
    for node in source.nodes:
        if isinstance(node, ast.Call) and _of_now(node.func):
            yield source.finding(node, "a day in UTC; today is `ctx.today`")


def _of_now(node: ast.AST) -> bool:
    if not isinstance(node, ast.Attribute) or node.attr != "date":
        return False
    owner = node.value.func if isinstance(node.value, ast.Call) else node.value
    return ast.unparse(owner).rpartition(".")[2] == "now"


def chance(source: Source) -> Iterator[Finding]:
    """Yield every source of randomness, except a generator with a seed."""
    if source.within(*CHANCE_SOURCES):
        return
    rule = "randomness; take an id from shared.ids, a seed from the caller"
    for node in source.nodes:
        if _throws(_name(node)) or _has_no_seed(node):
            yield source.finding(node, rule)
    for imported in source.imports():
        if imported.within("secrets", "uuid_utils") or _throws(imported.target):
            yield source.finding(imported.line, rule)


def _throws(name: str) -> bool:
    seeded = name == "random.Random"
    return name.rpartition(".")[2] in DICE or (
        name.startswith(("random.", "secrets.")) and not seeded
    )


def _has_no_seed(node: ast.AST) -> bool:
    makes = isinstance(node, ast.Call) and _name(node.func) in {"Random", "random.Random"}
    return makes and isinstance(node, ast.Call) and not node.args


def _name(node: ast.AST) -> str:
    """Return ``uuid4`` for a name, ``random.choice`` for an attribute."""
    if isinstance(node, ast.Name):
        return node.id
    return _dotted(node) if isinstance(node, ast.Attribute) else ""


def _dotted(node: ast.Attribute) -> str:
    """Return the last two names: ``datetime.datetime.now`` is ``datetime.now``."""
    owner = node.value
    before = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
    return f"{before}.{node.attr}"


def test_only_the_clock_tells_the_time() -> None:
    must_be_clean(clocks, "services", "shared", "deploy")


def test_only_the_maker_of_ids_throws_dice() -> None:
    must_be_clean(chance, "services", "shared", "deploy")


@pytest.mark.parametrize(
    "code",
    [
        "datetime.now(UTC)",
        "datetime.datetime.now()",
        "datetime.utcnow()",
        "date.today()",
        "time.time()",
        "from time import time",
        "field(default_factory=datetime.utcnow)",
    ],
)
def test_a_clock_is_found(code: str) -> None:
    assert finds(clocks, "services/pipeline/deals/commands.py", code)


def test_days_are_those_of_business() -> None:
    must_be_clean(days, "services", "shared")


@pytest.mark.parametrize("code", ["ctx.now.date()", "clock.now().date()", "now.date()"])
def test_a_day_in_utc_is_found(code: str) -> None:
    assert finds(days, "services/pipeline/deals/api.py", code)


@pytest.mark.parametrize("code", ["ctx.today", "cell.date()", "datetime.date(2026, 1, 1)"])
def test_a_day_of_business_passes(code: str) -> None:
    assert not finds(days, "services/pipeline/deals/api.py", code)


@pytest.mark.parametrize("code", ["clock.now()", "time.monotonic()", "now.date()", "self.now"])
def test_the_time_that_is_handed_in_passes(code: str) -> None:
    assert not finds(clocks, "services/pipeline/deals/commands.py", code)


@pytest.mark.parametrize(
    "code",
    [
        "from uuid import uuid4",
        "uuid.uuid4()",
        "field(default_factory=uuid4)",
        "import secrets",
        "from secrets import token_hex",
        "random.random()",
        "from random import choice",
        "random.Random()",
        "os.urandom(8)",
        "import uuid_utils",
    ],
)
def test_chance_is_found(code: str) -> None:
    assert finds(chance, "services/pipeline/deals/commands.py", code)


@pytest.mark.parametrize(
    "code",
    ["import random\nrandom.Random(7).choice(a)", "from uuid import UUID, uuid5", "new_id()"],
)
def test_seeds_and_derived_ids_pass(code: str) -> None:
    assert not finds(chance, "deploy/demo/world.py", code)


def test_a_local_installation_makes_its_own_secrets() -> None:
    assert not finds(chance, "deploy/local/place.py", "import secrets\nsecrets.token_hex()")
