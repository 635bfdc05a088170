"""Migrations, rendered without a database: they wait briefly for locks and squawk passes them."""

import re
import subprocess
import sysconfig
from importlib import import_module
from pathlib import Path

import pytest

from shared import migrate
from tests.architecture.source import ROOT

SERVICES = sorted(path.parent.name for path in (ROOT / "services").glob("*/service.py"))
SQUAWK = Path(sysconfig.get_path("scripts")) / "squawk"
CONFIG = Path(__file__).with_name("squawk.toml")
# Alembic's own table is made by Alembic, in its own way.
VERSION_TABLE = re.compile(r"CREATE TABLE \w+\.alembic_version \(.*?\);", re.DOTALL)
TIMEOUT = "SET LOCAL lock_timeout = '4s';\n"


def rendered(service: str) -> str:
    """Return the SQL of all migrations of a service."""
    return migrate.render(import_module(f"services.{service}.service").SERVICE)


def waits_briefly(sql: str) -> bool:
    """Tell whether ``lock_timeout`` is set before the first statement that takes a lock."""
    statements = [s.strip().lower() for s in sql.split(";") if s.strip()]
    words = [line for s in statements for line in s.splitlines() if not line.startswith("--")]
    first = next((n for n, w in enumerate(words) if w.startswith(("create", "alter"))), None)
    limit = next((n for n, w in enumerate(words) if w.startswith("set local lock_timeout")), None)
    return limit is not None and (first is None or limit < first)


def lint(sql: str, folder: Path) -> str:
    """Return what squawk has to say, nothing when it is content."""
    file = folder / "migrations.sql"
    file.write_text(VERSION_TABLE.sub("", sql), encoding="utf-8")
    done = subprocess.run(
        [SQUAWK, "--config", CONFIG, "--reporter", "gcc", file],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_a_migration_waits_briefly_for_its_locks(service: str) -> None:
    assert waits_briefly(rendered(service))


@pytest.mark.parametrize("service", SERVICES)
def test_a_migration_is_safe_on_a_live_database(service: str, tmp_path: Path) -> None:
    assert lint(rendered(service), tmp_path) == ""


def test_a_migration_without_a_lock_timeout_is_found() -> None:
    table = "CREATE TABLE deal (id uuid PRIMARY KEY);\n"
    assert not waits_briefly(table)
    assert not waits_briefly(table + TIMEOUT)
    assert waits_briefly("BEGIN;\n\n" + TIMEOUT + table + "COMMIT;")


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE deal ADD COLUMN note text NOT NULL;",
        "ALTER TABLE deal RENAME COLUMN name TO title;",
        "ALTER TABLE deal DROP COLUMN name;",
        "CREATE INDEX deal_owner ON deal (owner_id);",
        "ALTER TABLE deal ADD CONSTRAINT positive CHECK (amount > 0);",
        "CREATE TABLE deal (id uuid PRIMARY KEY, at timestamp);",
        "CREATE TABLE deal (",
    ],
)
def test_a_dangerous_migration_is_found(sql: str, tmp_path: Path) -> None:
    assert lint(f"BEGIN;\n{TIMEOUT}{sql}\nCOMMIT;\n", tmp_path)


def test_a_safe_migration_passes(tmp_path: Path) -> None:
    column = "ALTER TABLE deal ADD COLUMN note text;"
    assert lint(f"BEGIN;\n{TIMEOUT}{column}\nCOMMIT;\n", tmp_path) == ""
