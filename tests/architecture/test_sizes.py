"""A function fits on a screen and a file in a head."""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.source import Finding, Source, finds, must_be_clean

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 400
EVERYWHERE = ("services", "shared", "deploy", "tests")


def long_functions(source: Source) -> Iterator[Finding]:
    """Yield functions that are longer than the hard limit, docstring included."""
    for node in source.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                rule = f"{node.name} has {lines} lines; {FUNCTION_LINES_MAX} are the limit"
                yield source.finding(node, rule)


def long_files(source: Source) -> Iterator[Finding]:
    """Yield files that are longer than the hard limit."""
    lines = source.text.count("\n")
    if lines > FILE_LINES_MAX:
        rule = f"{lines} lines; {FILE_LINES_MAX} are the limit: split by sub-noun"
        yield source.finding(lines, rule)


def test_functions_are_short() -> None:
    must_be_clean(long_functions, *EVERYWHERE)


def test_files_are_short() -> None:
    must_be_clean(long_files, *EVERYWHERE)


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_function_is_measured_with_its_heading(kind: str) -> None:
    longest = f"{kind} f():\n" + "    x = 1\n" * (FUNCTION_LINES_MAX - 1)
    assert not finds(long_functions, "shared/a.py", longest)
    assert finds(long_functions, "shared/a.py", longest + "    x = 1\n")
    assert finds(long_functions, "tests/a.py", f"{longest}    def g():\n" + "        x = 1\n" * 70)


def test_a_file_is_measured_in_lines() -> None:
    longest = "x = 1\n" * FILE_LINES_MAX
    assert not finds(long_files, "deploy/a.py", longest)
    assert finds(long_files, "deploy/a.py", longest + "x = 1\n")
