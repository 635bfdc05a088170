"""What is there, and files to be sent."""

import io
from collections.abc import Sequence

import httpx
import openpyxl

from shared.db import Database

NONE = dict.fromkeys(("created", "updated", "unchanged", "refused", "waiting"), 0)


def counts(**more: int) -> dict[str, int]:
    """Return the counts of an operation."""
    return {**NONE, **more}


async def accounts_of(client: httpx.AsyncClient) -> dict[str, str]:
    """Return the names of the accounts by external id."""
    answer = await client.get("/v1/accounts", params={"limit": 200})
    return {one["external"]["id"]: one["name"] for one in answer.json()["items"]}


async def count_of(database: Database, *tables: str) -> int:
    """Return how many rows the tables have together."""
    async with database.acquire() as conn:
        return sum([await conn.fetchval(f"SELECT count(*) FROM {table}") for table in tables])


def workbook_of(rows: Sequence[Sequence[object]]) -> bytes:
    """Return a workbook that another program wrote."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()
