"""Which errors an endpoint can raise: read from the code that it calls, so that it stays true.

From the endpoint's source every name is followed that leads to a function, method or class of ours.
What a value of a service can do is found by the names of its methods, among all classes of that
service and of periods. So an error may be listed that cannot occur; what is missing all the same is
declared by ``fails_with`` on the route.
"""

import ast
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import FunctionType, ModuleType
from typing import Any, Final

from shared.errors import PharosError

OURS: Final = ("shared.", "services.")
VALUES: Final = ("shared.money", "shared.ratio")
"""What these refuse cannot come from a request: its types have checked it before."""
DECIDING: Final = ("services.", "shared.period")
KEY: Final = "x-problems"


def fails_with(*errors: type[PharosError]) -> dict[str, Any]:
    """Return the ``openapi_extra`` of a route that raises errors which its code does not show."""
    return {KEY: sorted(error.code for error in errors)}


def raised_by(endpoint: Callable[..., object]) -> frozenset[type[PharosError]]:
    """Return the named errors that an endpoint, or whatever it calls, mentions."""
    found: set[type[PharosError]] = set()
    seen: set[object] = set()
    waiting: list[object] = [endpoint]
    while waiting:
        thing = inspect.unwrap(waiting.pop())  # type: ignore[arg-type]
        if not _is_ours(thing) or thing in seen:
            continue
        seen.add(thing)
        if isinstance(thing, type) and issubclass(thing, PharosError):
            if hasattr(thing, "en"):
                found.add(thing)
        elif isinstance(thing, type) and thing.__module__.startswith("services."):
            made_by = (vars(thing).get(name) for name in ("__init__", "__post_init__"))
            waiting += [step for step in made_by if step is not None]
        elif isinstance(thing, FunctionType):
            waiting += _mentioned(thing)
    return frozenset(found)


def _is_ours(thing: object) -> bool:
    ours = isinstance(thing, FunctionType | type) and thing.__module__.startswith(OURS)
    return ours and thing.__module__ not in VALUES


def _mentioned(function: FunctionType) -> Iterator[object]:
    """Yield the functions and classes that a function's source names."""
    node = _nodes(sys.modules[function.__module__]).get(function.__code__.co_firstlineno)
    if node is None:
        return
    names = {**function.__globals__, **_closure(function)}
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield _plain(names.get(part.id))
        elif isinstance(part, ast.Attribute):
            found = _resolved(part, names)
            if found is not None:
                yield _plain(found)
            elif function.__module__.startswith("services."):
                yield from _methods(function.__module__).get(part.attr, ())


def named_in(endpoint: Callable[..., object]) -> Iterator[object]:
    """Yield what the names in the source of an endpoint stand for: values of modules too."""
    function = inspect.unwrap(endpoint)
    if isinstance(function, FunctionType):
        node = _nodes(sys.modules[function.__module__])[function.__code__.co_firstlineno]
        for part in ast.walk(node):
            if isinstance(part, ast.Name):
                yield function.__globals__.get(part.id)
            elif isinstance(part, ast.Attribute):
                yield _resolved(part, function.__globals__)


def _closure(function: FunctionType) -> Mapping[str, object]:
    cells = function.__closure__ or ()
    return {
        name: cell.cell_contents
        for name, cell in zip(function.__code__.co_freevars, cells, strict=True)
    }


def _resolved(attribute: ast.Attribute, names: Mapping[str, object]) -> object | None:
    """Return what a dotted name stands for; None when it begins with a value."""
    steps = [attribute.attr]
    at = attribute.value
    while isinstance(at, ast.Attribute):
        steps.append(at.attr)
        at = at.value
    found = names.get(at.id) if isinstance(at, ast.Name) else None
    if not isinstance(found, ModuleType | type):
        return None
    for step in reversed(steps):
        found = getattr(found, step, None)
    return found


def _plain(found: object) -> object:
    """Return the function behind a method or a class method."""
    return getattr(found, "__func__", found)


@cache
def _nodes(module: ModuleType) -> Mapping[int, ast.AST]:
    """Return the functions of a module by their first line, a decorator's included."""
    found: dict[int, ast.AST] = {}
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found[min([node.lineno, *(one.lineno for one in node.decorator_list)])] = node
    return found


@cache
def _methods(module: str) -> Mapping[str, tuple[object, ...]]:
    """Return the methods of the deciding classes that a module can meet, by name."""
    service = ".".join(module.split(".")[:2])
    found: dict[str, list[object]] = {}
    for name, loaded in list(sys.modules.items()):
        if not name.startswith(DECIDING) or not name.startswith((service, "shared.")):
            continue
        for kind in vars(loaded).values():
            if isinstance(kind, type) and kind.__module__ == name:
                for attribute, value in vars(kind).items():
                    step = _plain(value.fget if isinstance(value, property) else value)
                    if isinstance(step, FunctionType) and not attribute.startswith("__"):
                        found.setdefault(attribute, []).append(step)
    return {name: tuple(values) for name, values in found.items()}
