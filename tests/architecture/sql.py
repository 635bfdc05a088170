"""What counts as SQL in a source file, and SQL without its comments and its quoted text."""

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from tests.architecture.source import Source

_OBJECTS = (
    "table|index|schema|sequence|view|materialized|function|trigger|role|user|database|type|"
    "extension|domain|policy|temp|temporary|unlogged"
)
# A statement begins with one of these, in capitals or in small letters; a sentence for people
# begins with a capital ("Select a member from the list.").
_OPENINGS = (
    r"select\s.*\bfrom\b",
    r"select\s+(exists|count|[a-z_.]+)\s*\(",
    r"with\s+(recursive\s+)?\w+\s*(\([^)]*\)\s*)?as\s+((not\s+)?materialized\s+)?\(",
    r"insert\s+into\s",
    r"update\s+(only\s+)?[\w.]+(\s+(as\s+)?\w+)?\s+set\s",
    r"delete\s+from\s",
    r"merge\s+into\s",
    rf"(create|alter|drop)\s+(or\s+replace\s+|unique\s+)?({_OBJECTS})\b",
    r"truncate\s+(table\s+)?\w",
    r"(grant|revoke)\s+.*\s(on|to|from)\s",
    r"copy\s+\w.*\b(from|to)\b",
    r"lock\s+table\s",
    r"(set|reset)\s+(local|session|role|search_path|lock_timeout|statement_timeout)\b",
    r"(listen|notify|unlisten)\s+\w+",
)
_OPENING = re.compile(rf"\s*({'|'.join(_OPENINGS)})", re.IGNORECASE | re.DOTALL)
_NOISE = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", re.DOTALL)


class Statement(NamedTuple):
    """SQL found in a file; ``text`` has neither comments nor quoted text, but all its lines."""

    line: int
    text: str


def looks_like_sql(text: str) -> bool:
    """Tell whether a piece of text begins like a statement."""
    bare = re.sub(r"--[^\n]*", "", text).lstrip()
    word = bare.split(maxsplit=1)[0] if bare else ""
    return not word[:1].isupper() or word.isupper() if _OPENING.match(bare) else False


def bare(sql: str) -> str:
    """Return SQL with comments and quoted text blanked out; every line keeps its number."""
    return _NOISE.sub(lambda noise: "''" + "\n" * noise.group().count("\n"), sql)


def text_of(node: ast.AST) -> str:
    """Return the fixed text of a string, of an f-string or of a concatenation."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) or "x" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
        return text_of(node.left) + text_of(node.right)
    return ""


def statements(source: Source) -> Iterator[Statement]:
    """Yield the SQL of a file: a .sql file is all SQL, a module has it in its strings."""
    if source.path.endswith(".sql"):
        yield Statement(1, bare(source.text))
        return
    for node in source.nodes:
        if isinstance(node, ast.Constant | ast.JoinedStr) and looks_like_sql(text_of(node)):
            yield Statement(node.lineno, bare(text_of(node)))
        elif is_declaration(node):
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and not looks_like_sql(text_of(part)):
                    yield Statement(part.lineno, bare(text_of(part)))


def is_declaration(node: ast.AST) -> bool:
    """Tell whether a node is ``NAME: Final[LiteralString] = …``, or a table of such."""
    if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
        return False
    annotation = ast.unparse(node.annotation)
    return (
        node.target.id.isupper()
        and "LiteralString" in annotation
        and annotation.startswith("Final")
    )
