"""SQL is a short list of named constants in the files that are meant for it."""

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest

from tests.architecture.source import Finding, Source, finds, must_be_clean
from tests.architecture.sql import is_declaration, looks_like_sql, text_of

IN_NOUNS = re.compile(r"services/\w+/\w+(/\w+)?/(store|queries)\.py")
IN_MIGRATIONS = re.compile(r"services/\w+/migrations/.*\.py")
# Filters, scopes and pages depend on the request. These put statements together from fixed parts;
# `Parameters.add` is the only way for a value, and f-strings and the like are refused here too.
COMPOSERS = {
    "shared/auth/scope.py",
    "shared/filters/condition.py",
    "shared/lists/keyset.py",
    "shared/lists/listing.py",
    "shared/sql.py",
}
# The chassis has no nouns; these modules hold its SQL.
IN_SHARED = {
    "shared/audit/store.py",
    "shared/directory/scope.py",
    "shared/directory/trees.py",
    "shared/events/facts.py",
    "shared/events/feed.py",
    "shared/events/lease.py",
    "shared/events/log.py",
    "shared/events/outbox.py",
    "shared/events/parking.py",
    "shared/events/relay.py",
    "shared/events/repairs.py",
    "shared/events/retention.py",
    "shared/events/vitals.py",
    "shared/events/watermark.py",
    "shared/http/idempotency.py",
    "shared/http/system.py",
    "shared/jobs/retention.py",
    "shared/migrate.py",
    *COMPOSERS,
}
EXECUTORS = {"execute", "executemany", "fetch", "fetchmany", "fetchrow", "fetchval", "prepare"}
ASSEMBLERS = {"format", "format_map", "join", "replace"}
CONNECTIONS = {"conn", "connection", "database", "db", "pool", "transaction", "tx"}


def may_hold_sql(path: str) -> bool:
    """Tell whether a module is meant for SQL."""
    name = PurePosixPath(path).name
    return (
        path in IN_SHARED
        or bool(IN_NOUNS.fullmatch(path) or IN_MIGRATIONS.fullmatch(path))
        or (path.startswith("shared/") and name in {"store.py", "queries.py"})
    )


def misplaced(source: Source) -> Iterator[Finding]:
    """Yield SQL, and statements sent to a connection, in a module that is not meant for them."""
    if may_hold_sql(source.path):
        return
    for node in source.nodes:
        if isinstance(node, ast.Constant | ast.JoinedStr) and looks_like_sql(text_of(node)):
            yield source.finding(node, "SQL belongs in store.py or queries.py")
        elif _executes(node):
            yield source.finding(node, "only store.py and queries.py talk to the database")


def unnamed(source: Source) -> Iterator[Finding]:
    """Yield SQL that is no module constant ``NAME: Final[LiteralString] = …``."""
    if not may_hold_sql(source.path) or IN_MIGRATIONS.fullmatch(source.path):
        return
    if source.path in COMPOSERS:
        return
    named = {
        id(part) for node in source.tree.body if is_declaration(node) for part in ast.walk(node)
    }
    for node in source.nodes:
        if (
            isinstance(node, ast.Constant)
            and looks_like_sql(text_of(node))
            and id(node) not in named
        ):
            yield source.finding(node, "name the SQL: NAME: Final[LiteralString] at module level")
        elif _executes(node) and not _is_constant(_statement_of(node)):
            yield source.finding(node, "the statement is not a named constant")


def assembled(source: Source) -> Iterator[Finding]:
    """Yield SQL put together from values: f-string, ``%``, ``+``, ``format``, ``replace`` …."""
    for node in source.nodes:
        match node:
            case ast.AnnAssign(value=ast.expr() as value) if is_declaration(node):
                if (
                    may_hold_sql(source.path)
                    and source.path not in COMPOSERS
                    and not _is_constant(value)
                ):
                    yield source.finding(node, "SQL is made of constants; send values as $1, $2")
            case ast.JoinedStr() if _is_sql(node):
                yield source.finding(node, "SQL by f-string; send values as $1, $2")
            case ast.BinOp(left=left, op=ast.Mod()) if _is_sql(left):
                yield source.finding(node, "SQL by %; send values as $1, $2")
            case ast.BinOp(left=left, op=ast.Add()) if (
                source.path not in COMPOSERS and _is_sql(left) and not _is_constant(node)
            ):
                yield source.finding(node, "SQL by +; only constants may be joined")
            case ast.Call(func=ast.Attribute(value=text, attr=method)) if _is_sql(text):
                if method in ASSEMBLERS:
                    yield source.finding(node, f"SQL by {method}; send values as $1, $2")


def _executes(node: ast.AST) -> bool:
    """Tell whether a node is ``conn.fetch(…)`` or the like."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    receiver = node.func.value
    name = receiver.id if isinstance(receiver, ast.Name) else getattr(receiver, "attr", "")
    return node.func.attr in EXECUTORS and name.strip("_") in CONNECTIONS


def _statement_of(node: ast.AST) -> ast.AST:
    return node.args[0] if isinstance(node, ast.Call) and node.args else node


def _is_constant(node: ast.AST) -> bool:
    """Tell whether a node is made of fixed text and names in capitals only."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.isupper()
        case ast.Dict(values=parts) | ast.Tuple(elts=parts):
            made_of = parts
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            made_of = [left, right]
        case ast.IfExp(body=body, orelse=orelse):
            made_of = [body, orelse]
        case ast.Subscript(value=inner) | ast.Call(func=ast.Name(id="text"), args=[inner]):
            made_of = [inner]
        case _:
            return isinstance(node, ast.Constant)
    return all(map(_is_constant, made_of))


def _is_sql(node: ast.AST) -> bool:
    return looks_like_sql(text_of(node))


def test_sql_stands_only_where_it_belongs() -> None:
    must_be_clean(misplaced, "services", "shared")


def test_sql_is_a_list_of_named_constants() -> None:
    must_be_clean(unnamed, "services", "shared")


def test_sql_is_never_put_together_from_values() -> None:
    must_be_clean(assembled, "services", "shared", "deploy")


@pytest.mark.parametrize(
    "code",
    [
        'QUERY = "SELECT id FROM deal"',
        'QUERY = "select id from deal"',
        'QUERY = "\\n    -- open ones\\n    SELECT id\\n      FROM deal"',
        'QUERY = "UPDATE deal AS d SET stage = $1"',
        'QUERY = "INSERT INTO deal (id) VALUES ($1)"',
        'QUERY = "DELETE FROM deal"',
        'QUERY = "WITH RECURSIVE up AS (SELECT 1) TABLE up"',
        'QUERY = "LOCK TABLE deal"',
        'QUERY = "CREATE UNIQUE INDEX a ON deal (id)"',
        'QUERY = f"SELECT {columns} FROM deal"',
        "await conn.fetchrow(STATEMENT)",
        "await self._pool.execute(STATEMENT)",
    ],
)
@pytest.mark.parametrize("file", ["commands", "api", "rules", "model", "reactions"])
def test_misplaced_sql_is_found(file: str, code: str) -> None:
    assert finds(misplaced, f"services/pipeline/deals/{file}.py", code)


@pytest.mark.parametrize(
    "code",
    [
        'en = "Select a member from the list."',
        'en = "Update the plan, set its date and send it again."',
        'zh = "请从列表中选择成员。"',
        'subject = "CONSUMER.CREATE.deals"',
        'name = "insert"',
        "await feed.fetch(after)",
        "await queries.board(conn, member)",
    ],
)
def test_words_for_people_and_calls_of_our_own_pass(code: str) -> None:
    assert not finds(misplaced, "services/pipeline/deals/commands.py", code)


@pytest.mark.parametrize(
    "code",
    [
        'QUERY = "SELECT id FROM deal"',
        'QUERY: str = "SELECT id FROM deal"',
        'QUERY: LiteralString = "SELECT id FROM deal"',
        'query: Final[LiteralString] = "SELECT id FROM deal"',
        'def f():\n    QUERY: Final[LiteralString] = "SELECT id FROM deal"',
        'async def f(conn):\n    await conn.fetch("SELECT id FROM deal")',
        "async def f(conn, statement):\n    await conn.fetch(statement)",
        "async def f(conn):\n    await conn.fetch(built(1))",
    ],
)
def test_unnamed_sql_is_found(code: str) -> None:
    assert finds(unnamed, "services/pipeline/deals/store.py", code)


@pytest.mark.parametrize(
    "code",
    [
        'OPEN: Final[LiteralString] = "SELECT id FROM deal"',
        'SORTS: Final[dict[str, LiteralString]] = {"name": "SELECT id FROM deal ORDER BY name"}',
        'SAVE: Final[LiteralString] = outbox.APPENDING + "SELECT a FROM b"',
        "async def f(conn):\n    await conn.fetch(OPEN, 1)",
        "async def f(conn, order):\n    await conn.fetch(SORTS[order], 1)",
        "def f(connection):\n    connection.execute(text(OPEN))",
    ],
)
def test_named_sql_passes(code: str) -> None:
    assert not finds(unnamed, "services/pipeline/deals/store.py", code)
    assert not finds(assembled, "services/pipeline/deals/store.py", code)


@pytest.mark.parametrize(
    "code",
    [
        'Q: Final[LiteralString] = f"SELECT id FROM {table}"',
        'Q: Final[LiteralString] = start + "SELECT id FROM deal"',
        'Q: Final[dict[str, LiteralString]] = {"a": f"SELECT id FROM {table}"}',
        'Q = "SELECT id FROM deal WHERE name = %s" % name',
        'Q = "SELECT id FROM deal ORDER BY " + column',
        'Q = "SELECT id FROM {}".format(table)',
        'Q = "SELECT id FROM t".replace("t", table)',
    ],
)
def test_assembled_sql_is_found(code: str) -> None:
    assert finds(assembled, "services/pipeline/deals/store.py", code)
    assert finds(assembled, "services/pipeline/migrations/versions/0002_more.py", code)
