"""The SQL keeps to what a distributed PostgreSQL, a restore and an older release allow."""

import re
from collections.abc import Iterator

import pytest

from tests.architecture.source import ROOT, Finding, Source, finds, must_be_clean
from tests.architecture.sql import statements

SERVICES = ("targets", "pipeline", "performance", "knowledge")

FORBIDDEN = {
    r"\b(un)?listen\s|\bnotify\s|\bpg_notify\b": "LISTEN and NOTIFY do not scale out",
    r"\bpg_(try_)?advisory": "advisory locks do not exist everywhere; lock a row, SKIP LOCKED",
    r"\b(xmin|xmax|cmin|cmax|ctid|tableoid)\b": "row internals do not survive a restore",
    r"\b(txid_\w+|pg_(current|snapshot|visible)\w*xact\w*|pg_current_snapshot|xid8?)\b": (
        "transaction numbers do not survive a restore"
    ),
    r"\bcreate\s+((local|global)\s+)?temp(orary)?\b|\binto\s+temp(orary)?\b": (
        "temporary tables bind the session"
    ),
    r"\btrigger\b": "no triggers; the command writes what belongs together",
    r"(^|;)\s*set\s+(?!local\b|constraints\b|transaction\b)|(^|;)\s*(reset|discard)\s": (
        "session state outlives the transaction; SET LOCAL"
    ),
    r"\bset_config\s*\([^)]*,\s*false\s*\)": "session state outlives the transaction",
    r"\bselect\s+(distinct\s+)?(\w+\.)?\*|,\s*\w+\.\*|\breturning\s+(\w+\.)?\*": (
        "name the columns; a star changes with the table"
    ),
    r"\b(gen_random_uuid|uuidv[47]|uuid_generate_v\w+)\s*\(": (
        "ids are made by the application (shared.ids)"
    ),
    r"\bmerge\s+into\b[^;]*\breturning\b": "MERGE … RETURNING is missing in PostgreSQL 15",
}
# The chassis works on the database's clock (leases, retention); a figure of a service never does.
IN_SERVICES = {
    r"\b(now|clock_timestamp|statement_timestamp|transaction_timestamp|random)\s*\(": (
        "the clock is a parameter of the statement"
    ),
    r"\b(current_date|current_timestamp|current_time|localtime|localtimestamp)\b": (
        "the clock is a parameter of the statement"
    ),
}
DIVISION = re.compile(r"^.*(?<![/*])/(?![/*]).*$", re.MULTILINE)


def forbidden(source: Source) -> Iterator[Finding]:
    """Yield SQL that the product does without."""
    rules = FORBIDDEN | (IN_SERVICES if source.within("services") else {})
    for statement in statements(source):
        for pattern, reason in rules.items():
            for match in re.finditer(pattern, statement.text, re.IGNORECASE):
                line = statement.line + statement.text.count("\n", 0, match.end() - 1)
                yield source.finding(line, f"{match.group().strip()!r} in SQL: {reason}")


def divisions(source: Source) -> Iterator[Finding]:
    """Yield divisions in SQL whose kind depends on the types of the columns."""
    for statement in statements(source):
        for match in DIVISION.finditer(statement.text):
            if "::" not in match.group() and "cast" not in match.group().lower():
                line = statement.line + statement.text.count("\n", 0, match.start())
                yield source.finding(line, "a division in SQL without a cast beside it")


def trespassing(source: Source) -> Iterator[Finding]:
    """Yield SQL that names another service's schema; shared names none at all."""
    own = source.parts[1] if source.within("services") else None
    others = "|".join(name for name in SERVICES if name != own)
    for statement in statements(source):
        for match in re.finditer(rf'(?<![\w."])"?({others})"?\s*\.', statement.text, re.IGNORECASE):
            line = statement.line + statement.text.count("\n", 0, match.start())
            yield source.finding(line, f"the schema of {match.group(1)} is not ours")


@pytest.mark.parametrize("suffix", [".py", ".sql"])
def test_the_sql_can_run_on_a_distributed_database(suffix: str) -> None:
    must_be_clean(forbidden, "services", "shared", suffix=suffix)


@pytest.mark.parametrize("suffix", [".py", ".sql"])
def test_divisions_say_their_type(suffix: str) -> None:
    must_be_clean(divisions, "services", "shared", suffix=suffix)


@pytest.mark.parametrize("suffix", [".py", ".sql"])
def test_no_sql_crosses_a_schema(suffix: str) -> None:
    must_be_clean(trespassing, "services", "shared", suffix=suffix)


def test_every_service_is_known_to_the_check_of_schemas() -> None:
    folders = {path.parent.name for path in (ROOT / "services").glob("*/service.py")}
    assert folders == set(SERVICES)


@pytest.mark.parametrize(
    "sql",
    [
        "LISTEN deals",
        "SELECT pg_notify($1, $2) FROM a",
        "SELECT pg_advisory_xact_lock($1)",
        "SELECT pg_try_advisory_lock($1)",
        "SELECT id, xmin FROM deal",
        "SELECT id FROM deal WHERE ctid = $1",
        "SELECT txid_current()",
        "SELECT pg_current_xact_id()",
        "CREATE TEMP TABLE a (id bigint)",
        "CREATE TEMPORARY TABLE a (id bigint)",
        "CREATE TRIGGER a AFTER INSERT ON deal",
        "SET search_path = pipeline",
        "SET SESSION timezone = 'UTC'",
        "SELECT set_config('a', 'b', false)",
        "SELECT * FROM deal",
        "SELECT d.* FROM deal AS d",
        "SELECT a.id, d.* FROM deal AS d",
        "INSERT INTO deal (id) VALUES ($1) RETURNING *",
        "INSERT INTO deal (id) VALUES (gen_random_uuid())",
        "UPDATE deal SET won_at = now()",
        "SELECT id FROM deal WHERE due_on < current_date",
    ],
)
def test_forbidden_sql_is_found(sql: str) -> None:
    assert finds(forbidden, "services/pipeline/deals/store.py", f"Q = {sql!r}")
    assert finds(forbidden, "services/pipeline/migrations/0001_deals.sql", sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SET LOCAL lock_timeout = '3s'",
        "SELECT count(*) FROM deal",
        "SELECT a * b FROM deal",
        "UPDATE deal SET stage = $1",
        "INSERT INTO deal (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET name = excluded.name",
        "-- no trigger here\nSELECT id FROM deal",
        "SELECT id FROM deal WHERE note = 'LISTEN to the customer'",
    ],
)
def test_plain_sql_passes(sql: str) -> None:
    assert not finds(forbidden, "services/pipeline/deals/store.py", f"Q = {sql!r}")
    assert not finds(forbidden, "services/pipeline/migrations/0001_deals.sql", sql)


def test_a_finding_names_the_line_of_the_word() -> None:
    source = Source("shared/schema/a.sql", "SELECT id\n  FROM deal;\n\nSELECT xmin FROM deal;\n")
    assert [finding.line for finding in forbidden(source)] == [4]


def test_a_division_without_a_cast_is_found() -> None:
    assert finds(divisions, "shared/schema/a.sql", "SELECT won / total FROM board")


@pytest.mark.parametrize(
    "sql", ["SELECT won::numeric / total FROM board", "SELECT 1 /* a / b */", "SELECT 'a/b'"]
)
def test_a_cast_division_passes(sql: str) -> None:
    assert not finds(divisions, "shared/schema/a.sql", sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM targets.target",
        'SELECT id FROM "performance".credit',
        "SELECT knowledge . a",
    ],
)
def test_sql_in_another_schema_is_found(sql: str) -> None:
    assert finds(trespassing, "services/pipeline/deals/store.py", f"Q = '''{sql} FROM a'''")
    assert finds(trespassing, "shared/schema/a.sql", sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT d.id FROM pipeline.deal AS d",
        "SELECT id FROM fact WHERE type = 'pharos.targets.target.approved'",
        "SELECT t.id FROM targets AS t",
    ],
)
def test_sql_in_its_own_schema_passes(sql: str) -> None:
    assert not finds(trespassing, "services/pipeline/deals/store.py", f'Q = "{sql}"')
