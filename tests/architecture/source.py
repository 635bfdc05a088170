"""The source files as the checks see them: a path, a text, a syntax tree, and what it imports."""

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Finding(NamedTuple):
    """One place that breaks a rule; it prints as ``file:line: the rule``."""

    path: str
    line: int
    rule: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}"


class Import(NamedTuple):
    """One imported thing: ``from shared.ids import new_id`` is ``shared.ids.new_id``."""

    line: int
    target: str

    def within(self, *packages: str) -> bool:
        """Tell whether the imported thing is one of these packages or lies in one."""
        return any(self.target == p or self.target.startswith(f"{p}.") for p in packages)


@dataclass(frozen=True)
class Source:
    """A Python or SQL file; ``neighbours`` are the names of the other modules in its folder."""

    path: str
    text: str
    neighbours: frozenset[str] = frozenset()

    @cached_property
    def tree(self) -> ast.Module:
        """Return the syntax tree."""
        return ast.parse(self.text, self.path)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Return every node of the tree."""
        return tuple(ast.walk(self.tree))

    @property
    def parts(self) -> tuple[str, ...]:
        """Return the folders and the file name without its suffix."""
        return Path(self.path).with_suffix("").parts

    def within(self, *places: str) -> bool:
        """Tell whether the file is one of these files or lies in one of these folders."""
        return any(self.path == p or self.path.startswith(f"{p}/") for p in places)

    def finding(self, node: ast.AST | int, rule: str) -> Finding:
        """Return a finding at a node or at a line."""
        line = node if isinstance(node, int) else getattr(node, "lineno", 1)
        return Finding(self.path, line, rule)

    def imports(self) -> Iterator[Import]:
        """Return what the file imports, wherever the statement stands."""
        for node in self.nodes:
            if isinstance(node, ast.Import):
                yield from (Import(node.lineno, name.name) for name in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from (Import(node.lineno, f"{node.module}.{n.name}") for n in node.names)


Check = Callable[[Source], Iterable[Finding]]


@lru_cache
def sources(folder: str, suffix: str = ".py") -> tuple[Source, ...]:
    """Return the files below a folder of the repository, in the order of their paths."""
    return tuple(
        Source(
            path.relative_to(ROOT).as_posix(),
            path.read_text(encoding="utf-8"),
            frozenset(other.stem for other in path.parent.glob("*.py")),
        )
        for path in sorted((ROOT / folder).rglob(f"*{suffix}"))
    )


def must_be_clean(check: Check, *folders: str, suffix: str = ".py") -> None:
    """Fail with every finding of a check below these folders."""
    found = [f for folder in folders for s in sources(folder, suffix) for f in check(s)]
    if found:
        pytest.fail("\n".join(map(str, sorted(found))), pytrace=False)


def finds(check: Check, path: str, text: str, *neighbours: str) -> bool:
    """Tell whether a check finds anything in an example."""
    return any(check(Source(path, text, frozenset(neighbours))))
