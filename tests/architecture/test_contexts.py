"""What nobody asked for reaches everybody's rows; so only the named places make such a context."""

import ast
import textwrap
from collections.abc import Iterator, Mapping

import pytest

from tests.architecture.source import ROOT, Finding, Source, finds, must_be_clean

# By file the functions that make a context of what nobody asked for …
MAKERS: Mapping[str, set[str]] = {
    "shared/context.py": {"following"},  # what follows by itself from what was asked for
    "shared/events/envelope.py": {"context"},  # what answers an event
    "shared/runtime.py": {"own_context"},  # what a service does of its own accord
    "deploy/rebuilding.py": {"rebuild"},  # what an operator does at the machine
}
# … and those that take one from them; besides, reactions answer events.
TAKERS: Mapping[str, Mapping[str, set[str]]] = {
    "following": {
        "services/targets/targets/commands.py": {"_save"},  # the attainment of a target just set
        "shared/http/operations.py": {"_replay"},  # a reaction, late
        "shared/http/repair.py": {"_step"},  # the source's snapshot, of which nobody chooses
    },
    "own_context": {"shared/runtime.py": {"_parts", "_repeated"}},
    "context": {"services/targets/attainment/commands.py": {"_tell"}},
}
MADE = "say who `asked`; without, a context reaches everything"


def unasked(source: Source) -> Iterator[Finding]:
    """Yield every context of what nobody asked for that is made or taken at no named place."""
    made = _within(source, MAKERS.get(source.path, set()))
    taken = {
        name: _within(source, places.get(source.path, set())) for name, places in TAKERS.items()
    }
    for node in source.nodes:
        if isinstance(node, ast.Call) and _is_unasked(source, node) and node not in made:
            yield source.finding(node, MADE)
        elif isinstance(node, ast.ImportFrom) and _renames(node):
            yield source.finding(node, "Context keeps its name, so that it is found")
        elif isinstance(node, ast.Attribute) and node.attr in TAKERS:
            answers = node.attr == "context" and source.parts[-1] == "reactions"
            if node not in taken[node.attr] and not answers:
                yield source.finding(node, f"{node.attr}() reaches everything; name the place")


def _within(source: Source, functions: set[str]) -> set[ast.AST]:
    """Return what lies in functions of these names."""
    return {
        inner
        for node in source.nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in functions
        for inner in ast.walk(node)
    }


def _is_unasked(source: Source, call: ast.Call) -> bool:
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if "asked" in given:
        return isinstance(given["asked"], ast.Constant)
    if isinstance(call.func, ast.Attribute):
        return ast.unparse(call.func) in {"context.Context", "shared.context.Context"}
    ours = {"shared.context.Context"} & {imported.target for imported in source.imports()}
    return bool(ours) and ast.unparse(call.func) == "Context"


def _renames(node: ast.ImportFrom) -> bool:
    return any(name.name == "Context" and name.asname for name in node.names) and (
        node.module == "shared.context"
    )


def test_only_named_places_make_a_context_that_reaches_everything() -> None:
    must_be_clean(unasked, "services", "shared", "deploy")


@pytest.mark.parametrize(
    "code",
    [
        "from shared.context import Context\nContext('x', now, new_id())",
        "from shared.context import Context\nContext('x', now, new_id(), asked=None)",
        "from shared.context import Context\nContext(**given)",
        "from shared import context\ncontext.Context('x', now, new_id())",
        "from shared.context import Context as Cause",
        "replace(ctx, asked=None)",
        "ctx.following()",
        "call.ctx.following()",
        "request.app.state.runtime.own_context()",
        "event.context(ctx)",
    ],
)
def test_a_context_that_forgets_the_asker_is_found(code: str) -> None:
    assert finds(unasked, "services/pipeline/deals/api.py", code)
    inside = textwrap.indent(code, "    ")
    assert finds(unasked, "shared/http/operations.py", f"async def _listed():\n{inside}")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("services/pipeline/deals/reactions.py", "event.context(ctx)"),
        ("shared/http/call.py", "from shared.context import Context\nContext('x', asked=Asked())"),
        ("shared/ratio.py", "from decimal import Context\nContext(prec=1000)"),
        ("shared/runtime.py", "def own_context(self):\n    return Context('x', now, new_id())"),
        ("shared/http/operations.py", "async def _replay():\n    ctx.following()"),
        ("services/pipeline/deals/commands.py", "replace(ctx, origin=origin)"),
    ],
)
def test_who_asked_and_the_named_places_pass(path: str, code: str) -> None:
    assert not finds(unasked, path, code)


def test_every_named_place_is_there() -> None:
    """A place that is gone would let in whatever comes to bear its name."""
    named = {(path, name) for path, names in MAKERS.items() for name in names}
    named |= {(p, n) for places in TAKERS.values() for p, names in places.items() for n in names}
    for path, name in named:
        source = Source(path, (ROOT / path).read_text(encoding="utf-8"))
        inside = _within(source, {name})
        assert any(
            (isinstance(node, ast.Call) and _is_unasked(source, node))
            or (isinstance(node, ast.Attribute) and node.attr in TAKERS)
            for node in inside
        ), (path, name)
