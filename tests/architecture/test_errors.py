"""A refusal is a typed error that reaches the caller; nothing is swallowed on the way."""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.source import Finding, Source, finds, must_be_clean

BROAD = {"Exception", "BaseException"}


def framework_errors(source: Source) -> Iterator[Finding]:
    """Yield HTTPException outside the chassis: a rule does not know that there is HTTP."""
    if source.within("shared/http"):
        return
    lines = {i.line for i in source.imports() if i.target.endswith(".HTTPException")}
    for node in source.nodes:
        if isinstance(node, ast.expr) and _name(node) == "HTTPException":
            lines.add(node.lineno)
    for line in sorted(lines):
        yield source.finding(line, "raise an error of our family, not HTTPException")


def swallowed(source: Source) -> Iterator[Finding]:
    """Yield broad handlers that answer with a default or go on as if nothing had happened."""
    for node in source.nodes:
        if isinstance(node, ast.ExceptHandler) and _is_broad(node.type) and _hides(node.body):
            yield source.finding(node, "a broad except that hides the error")
        elif isinstance(node, ast.Call) and _suppresses_all(node):
            yield source.finding(node, "a broad suppress that hides the error")


def caught_in_services(source: Source) -> Iterator[Finding]:
    """Yield broad handlers in a service, and any handler in a router."""
    if not source.within("services"):
        return
    for node in source.nodes:
        if isinstance(node, ast.ExceptHandler) and _is_broad(node.type):
            yield source.finding(node, "a service catches what it can name")
        elif isinstance(node, ast.Try | ast.TryStar) and source.parts[-1] == "api":
            yield source.finding(node, "a router has no try: errors answer for themselves")


def _is_broad(kind: ast.expr | None) -> bool:
    if isinstance(kind, ast.Tuple):
        return any(_is_broad(element) for element in kind.elts)
    return kind is None or _name(kind) in BROAD


def _suppresses_all(call: ast.Call) -> bool:
    return _name(call.func) == "suppress" and any(_is_broad(kind) for kind in call.args)


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def _hides(body: list[ast.stmt]) -> bool:
    """Tell whether a handler neither raises nor does anything but answer or go on."""
    nodes = [node for statement in body for node in ast.walk(statement)]
    if any(isinstance(node, ast.Raise) for node in nodes):
        return False
    idle = all(isinstance(s, ast.Pass | ast.Continue | ast.Break | ast.Expr) for s in body)
    works = any(isinstance(node, ast.Call) for node in nodes)
    return (idle and not works) or any(_is_default(node) for node in nodes)


def _is_default(node: ast.AST) -> bool:
    """Tell whether a node is ``return`` with nothing, a constant or an empty container."""
    if not isinstance(node, ast.Return):
        return False
    match node.value:
        case None | ast.Constant():
            return True
        case ast.List(elts=[]) | ast.Tuple(elts=[]) | ast.Dict(keys=[]):
            return True
        case _:
            return False


def test_only_the_chassis_knows_http_errors() -> None:
    must_be_clean(framework_errors, "services", "shared", "deploy")


def test_no_error_is_swallowed() -> None:
    must_be_clean(swallowed, "services", "shared", "deploy")


def test_a_service_catches_what_it_can_name() -> None:
    must_be_clean(caught_in_services, "services")


@pytest.mark.parametrize(
    "code",
    [
        "from fastapi import HTTPException",
        "raise HTTPException(404)",
        "raise fastapi.HTTPException(404)",
    ],
)
def test_a_framework_error_is_found(code: str) -> None:
    assert finds(framework_errors, "services/pipeline/deals/api.py", code)
    assert not finds(framework_errors, "shared/http/problems.py", code)


@pytest.mark.parametrize(
    "handler",
    [
        "except Exception:\n        return None",
        "except Exception:\n        return []",
        "except Exception:\n        log()\n        return 0",
        "except BaseException:\n        pass",
        "except (ValueError, Exception):\n        return {}",
        "except builtins.Exception:\n        ...",
        "except:\n        return",
    ],
)
def test_a_swallowed_error_is_found(handler: str) -> None:
    code = f"def f():\n    try:\n        g()\n    {handler}\n"
    assert finds(swallowed, "shared/events/consumer.py", code)


@pytest.mark.parametrize(
    "handler",
    [
        "except Exception:\n        log.exception('parked')\n        await park(event)",
        "except Exception as error:\n        raise Unavailable from error",
        "except Exception as error:\n        return problem(error)",
        "except TimeoutError:\n        return None",
    ],
)
def test_an_error_that_is_dealt_with_passes(handler: str) -> None:
    code = f"async def f():\n    try:\n        g()\n    {handler}\n"
    assert not finds(swallowed, "shared/events/consumer.py", code)


def test_a_broad_suppress_is_found() -> None:
    assert finds(swallowed, "shared/a.py", "with contextlib.suppress(Exception):\n    f()")
    assert not finds(swallowed, "shared/a.py", "with suppress(TimeoutError):\n    f()")


def test_a_broad_handler_in_a_service_and_a_try_in_a_router_are_found() -> None:
    broad = "try:\n    f()\nexcept Exception:\n    raise"
    narrow = "try:\n    f()\nexcept KeyError:\n    raise"
    assert finds(caught_in_services, "services/pipeline/deals/commands.py", broad)
    assert finds(caught_in_services, "services/pipeline/deals/api.py", narrow)
    assert not finds(caught_in_services, "services/pipeline/deals/store.py", narrow)
