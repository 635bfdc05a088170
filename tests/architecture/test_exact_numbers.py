"""Money is exact: no binary float, no silent rounding, no division that loses a remainder."""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.source import Finding, Source, finds, must_be_clean

EXACT = (
    "deploy/verify",
    "services",
    "shared/contracts",
    "shared/currencies.py",
    "shared/fields.py",
    "shared/money.py",
    "shared/period.py",
    "shared/ratio.py",
)


def floats(source: Source) -> Iterator[Finding]:
    """Yield float literals, ``float`` as a call or a type, and the built-in ``round``."""
    if not source.within(*EXACT):
        return
    for node in source.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            yield source.finding(node, "a float literal; write Decimal from a string, or an int")
        elif isinstance(node, ast.Name) and node.id == "float":
            yield source.finding(node, "float; amounts are Money, shares are Ratio")
        elif isinstance(node, ast.Name) and node.id == "round":
            yield source.finding(node, "round(); a rounding names its rule: Money.rounded")


def divisions(source: Source) -> Iterator[Finding]:
    """Yield true divisions in the nouns of a service."""
    if source.parts[0] != "services" or len(source.parts) < 4:
        return
    for node in source.nodes:
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            yield source.finding(node, "a true division; use Ratio.of or Money.split")


def test_no_float_comes_near_money() -> None:
    must_be_clean(floats, "deploy", "services", "shared")


def test_no_amount_is_divided_outside_the_types_that_keep_the_remainder() -> None:
    must_be_clean(divisions, "services")


@pytest.mark.parametrize(
    "code",
    [
        "rate = 0.08",
        "rate = -1e3",
        "def pay(amount: float) -> None: ...",
        "amount = float('1.5')",
        "def pay() -> dict[str, float]: ...",
        "amount = round(due, 2)",
        "amounts = map(round, due)",
    ],
)
@pytest.mark.parametrize(
    "path",
    ["services/pipeline/deals/rules.py", "shared/money.py", "shared/contracts/pipeline.py"],
)
def test_a_float_is_found(path: str, code: str) -> None:
    assert finds(floats, path, code)


@pytest.mark.parametrize("code", ["n = 8", "rate = Decimal('0.08')", "# 0.08 of 100.00\n", "'1.5'"])
def test_exact_numbers_pass(code: str) -> None:
    assert not finds(floats, "services/pipeline/deals/rules.py", code)


def test_seconds_of_the_chassis_may_be_floats() -> None:
    assert not finds(floats, "shared/events/pull.py", "WAIT = 0.25")


@pytest.mark.parametrize("code", ["half = amount / 2", "amount /= 2"])
def test_a_division_is_found(code: str) -> None:
    assert finds(divisions, "services/pipeline/deals/rules.py", code)


@pytest.mark.parametrize("code", ["half, rest = divmod(n, 2)", "n // 2", "'a / b'"])
def test_a_division_that_keeps_its_remainder_passes(code: str) -> None:
    assert not finds(divisions, "services/pipeline/deals/rules.py", code)


def test_a_path_is_put_together_where_the_service_is_declared() -> None:
    assert not finds(divisions, "services/pipeline/service.py", "HERE / 'migrations'")
