"""Database, roles and schemas of an installation; may be run again at any time."""

import json
from contextlib import suppress
from pathlib import Path
from secrets import token_urlsafe
from typing import LiteralString, TypeAlias
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import asyncpg

from deploy.installation import SERVICES
from deploy.local.errors import DatabaseUnfit
from deploy.local.place import write_private

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

DATABASE = "pharos"

_TIMEOUT_SECONDS = 60.0

# Statements that create and grant take no parameters, so the server itself composes them from
# ours: %I quotes an identifier, %L a literal.
_CREATE_DATABASE: LiteralString = """
    SELECT format('CREATE DATABASE %I TEMPLATE template0 ENCODING ''UTF8''
                   LOCALE_PROVIDER libc LOCALE ''C.UTF-8''', $1::text)
     WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = $1)
"""
_CREATE_ROLE: LiteralString = """
    SELECT format('CREATE ROLE %I', $1::text)
     WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)
"""
_LET_IN: LiteralString = """
    SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', $1::text, $2::text)
"""
# Only a superuser may give a schema to a role without being a member of that role.
_JOIN_ROLE: LiteralString = """
    SELECT format('GRANT %I TO CURRENT_USER', $1::text)
     WHERE NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
"""
_CLOSE_DATABASE: LiteralString = """
    SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', $1::text)
"""
_OPEN_DATABASE: LiteralString = """
    SELECT format('GRANT CONNECT ON DATABASE %I TO %I', $1::text, $2::text)
"""
_CREATE_SCHEMA: LiteralString = """
    SELECT format('CREATE SCHEMA %I AUTHORIZATION %I', $1::text, $2::text)
     WHERE NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)
"""
_CLOSE_SCHEMA: LiteralString = """
    SELECT format('REVOKE ALL ON SCHEMA %I FROM PUBLIC', nspname)
      FROM pg_namespace WHERE nspname = $1
"""
_SET_SEARCH_PATH: LiteralString = """
    SELECT format('ALTER ROLE %I IN DATABASE %I SET search_path = %I',
                  $1::text, $2::text, $3::text)
"""
_VERSION: LiteralString = "SELECT current_setting('server_version_num')::int / 10000"
# What counts is what the database does, not what its locale is called: full-text search and
# pattern matching leave out every character that the locale does not take for a letter.
_FINDS_CHINESE: LiteralString = """
    SELECT current_setting('server_encoding') = 'UTF8' AND '商机' ~ '^[[:alpha:]]{2}$'
"""


async def provision(admin_dsn: str, folder: Path, *, database: str = DATABASE) -> dict[str, str]:
    """Make the database with a role and a schema per service; return each service's own DSN.

    A role owns its schema, has it as its search path, and can do nothing else; nobody else can do
    anything. The passwords are kept in ``folder`` (0600) and set again on every call. Works with a
    superuser as well as with a role that may create databases and roles.

    Raises DatabaseUnfit for a server before PostgreSQL 15 and for a locale without Chinese.
    """
    passwords = kept_passwords(folder / "roles.json")
    admin = await asyncpg.connect(admin_dsn, timeout=_TIMEOUT_SECONDS)
    try:
        await _check_version(admin)
        await _create(admin, _CREATE_DATABASE, database)
        for service in SERVICES:
            await _create(admin, _CREATE_ROLE, role_of(service))
            await _run(admin, _LET_IN, role_of(service), passwords[role_of(service)])
            await _run(admin, _JOIN_ROLE, role_of(service))
    finally:
        await admin.close(timeout=_TIMEOUT_SECONDS)
    await _arrange(with_database(admin_dsn, database), database)
    return {
        service: with_user(admin_dsn, database, role_of(service), passwords[role_of(service)])
        for service in SERVICES
    }


async def _arrange(dsn: str, database: str) -> None:
    """Inside the database: close it to everybody, then open to each service what is its own."""
    admin = await asyncpg.connect(dsn, timeout=_TIMEOUT_SECONDS)
    try:
        await check_locale(admin)
        await _run(admin, _CLOSE_DATABASE, database)
        await _run(admin, _CLOSE_SCHEMA, "public")
        for service in SERVICES:
            await _run(admin, _OPEN_DATABASE, database, role_of(service))
            await _create(admin, _CREATE_SCHEMA, service, role_of(service))
            await _run(admin, _CLOSE_SCHEMA, service)
            await _run(admin, _SET_SEARCH_PATH, role_of(service), database, service)
    finally:
        await admin.close(timeout=_TIMEOUT_SECONDS)


async def _run(admin: Connection, composing: LiteralString, *names: str) -> None:
    """Let the server compose a statement and run it; none means that nothing is to be done."""
    statement = await admin.fetchval(composing, *names)
    if statement is not None:
        await admin.execute(statement)


async def _create(admin: Connection, composing: LiteralString, *names: str) -> None:
    """Run what creates something unless it is there; another installer may be as fast."""
    with suppress(
        asyncpg.DuplicateDatabaseError,
        asyncpg.DuplicateObjectError,
        asyncpg.DuplicateSchemaError,
        asyncpg.UniqueViolationError,
    ):
        await _run(admin, composing, *names)


async def _check_version(admin: Connection) -> None:
    major = await admin.fetchval(_VERSION)
    if major < 15:
        raise DatabaseUnfit(f"This server is PostgreSQL {major}; Pharos needs 15 or newer.")


async def check_locale(connection: Connection) -> None:
    """Raise DatabaseUnfit when this database does not take Chinese characters for letters."""
    if not await connection.fetchval(_FINDS_CHINESE):
        raise DatabaseUnfit(
            "This database does not find Chinese text: its encoding is not UTF8, or its locale "
            "(such as C) knows ASCII letters only. Create it anew: CREATE DATABASE … TEMPLATE "
            "template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'."
        )


def role_of(service: str) -> str:
    """Return the login role of a service."""
    return f"pharos_{service}"


def kept_passwords(path: Path) -> dict[str, str]:
    """Return the roles' passwords kept in this file; missing ones are made and added."""
    kept: dict[str, str] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    missing = {role_of(service) for service in SERVICES} - kept.keys()
    if missing:
        kept |= {role: token_urlsafe(32) for role in missing}
        write_private(path, json.dumps(kept, indent=2, sort_keys=True))
    return kept


def with_database(dsn: str, database: str) -> str:
    """Return the same address with another database."""
    parts = urlsplit(dsn)
    query = _query_without(parts.query, "dbname", "database")
    return urlunsplit(parts._replace(path=f"/{quote(database, safe='')}", query=query))


def with_user(dsn: str, database: str, user: str, password: str) -> str:
    """Return the same address for another user of another database."""
    parts = urlsplit(with_database(dsn, database))
    place = parts.netloc.rpartition("@")[2]
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    query = _query_without(parts.query, "user", "password")
    return urlunsplit(parts._replace(netloc=f"{login}@{place}", query=query))


def _query_without(query: str, *names: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True)
    return urlencode([(name, value) for name, value in pairs if name not in names], safe="/")
