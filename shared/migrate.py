"""Migrations: Alembic, one history per service and schema, written in SQL."""

import asyncio
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, LiteralString

from alembic import command, context, op
from alembic.config import Config
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

if TYPE_CHECKING:
    from shared.http.service import Service

CHASSIS = Path(__file__).parent / "schema" / "chassis.sql"
REPAIRS = Path(__file__).parent / "schema" / "repairs.sql"
AUDIT = Path(__file__).parent / "schema" / "audit.sql"
DIRECTORY = Path(__file__).parent / "schema" / "directory.sql"
MEMBERS_ELSEWHERE = Path(__file__).parent / "schema" / "members_elsewhere.sql"
WEBHOOKS = Path(__file__).parent / "schema" / "webhooks.sql"
JOBS = Path(__file__).parent / "schema" / "jobs.sql"
JOBS_BY_TIME = Path(__file__).parent / "schema" / "jobs_by_time.sql"
LOCK_TIMEOUT: Final[LiteralString] = "SET LOCAL lock_timeout = '4s'"
_ENVIRONMENT = Path(__file__).parent / "schema"


def upgrade(service: "Service", database_url: str) -> None:
    """Bring a service's schema to its newest revision."""
    config = _config(service)
    config.attributes["database_url"] = database_url
    command.upgrade(config, "head")


def render(service: "Service") -> str:
    """Return the SQL of all migrations of a service, without a database."""
    written = io.StringIO()
    config = _config(service)
    config.output_buffer = written
    command.upgrade(config, "head", sql=True)
    return written.getvalue()


def _config(service: "Service") -> Config:
    config = Config()
    config.set_main_option("script_location", str(_ENVIRONMENT))
    config.set_main_option("version_locations", str(service.migrations))
    config.set_main_option("path_separator", "os")
    config.attributes["schema"] = service.name
    return config


def run_environment() -> None:
    """Run what Alembic asked for; called by its environment file."""
    config = context.config
    schema: str = config.attributes["schema"]
    if context.is_offline_mode():
        context.configure(
            dialect_name="postgresql",
            version_table_schema=schema,
            transactional_ddl=True,
            output_buffer=config.output_buffer,
        )
        with context.begin_transaction():
            context.execute(LOCK_TIMEOUT)
            context.run_migrations()
    else:
        asyncio.run(_online(config.attributes["database_url"], schema))


async def _online(database_url: str, schema: str) -> None:
    address = database_url.split("://", 1)[1]
    engine = create_async_engine(
        f"postgresql+asyncpg://{address}",
        poolclass=pool.NullPool,
        connect_args={"server_settings": {"search_path": schema, "timezone": "UTC"}},
    )
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_migrate, schema)
            await connection.commit()
    finally:
        await engine.dispose()


def _migrate(connection: Connection, schema: str) -> None:
    context.configure(connection=connection, version_table_schema=schema)
    with context.begin_transaction():
        connection.execute(text(LOCK_TIMEOUT))
        context.run_migrations()


def run_file(path: Path) -> None:
    """Run the statements of an SQL file, one step each; an empty line parts two statements."""
    for statement in re.split(r";\n(?:\n|\Z)", path.read_text(encoding="utf-8")):
        if statement.strip():
            # A colon would begin a parameter; our migrations have none.
            op.execute(text(statement.replace(":", r"\:")))
