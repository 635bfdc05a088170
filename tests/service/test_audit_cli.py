"""`pharos audit`: what it says and what it ends with, in both languages and for machines."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deploy.cli import app
from shared.db import Database
from tests.service.audit.trail import ask, change, seal
from tests.service.conftest import Installation

SERVICES = ("pipeline", "targets")


@pytest.fixture
async def database(installation: Installation) -> AsyncIterator[Database]:
    """A trail of two blocks in the pipeline; that of targets is empty."""
    async with installation.open("pipeline") as opened:
        for name in ("上海灯塔", "北京海鸥"):
            await ask(opened, change(name), change(f"{name}二"))
            await seal(opened)
        yield opened


async def run(installation: Installation, *words: str) -> Result:
    """Run a command on the databases of two services."""
    dsns = json.dumps({service: installation.dsn(service) for service in SERVICES})
    environment = {"PHAROS_VERIFY_DATABASES": dsns, "LANG": "zh_CN.UTF-8", "LC_ALL": ""}
    return await asyncio.to_thread(CliRunner().invoke, app, ["audit", *words], env=environment)


async def tamper(database: Database) -> None:
    async with database.acquire() as conn:
        await conn.execute("UPDATE audit_row SET actor = '李强' WHERE number = 2")


@pytest.mark.usefixtures("database")
async def test_a_whole_trail_is_told_in_either_language(installation: Installation) -> None:
    found = await run(installation, "verify")
    assert (found.exit_code, found.output) == (
        0,
        "已核对 4 条变更记录、2 个区块：0 处错误，0 处未完成。\n",
    )
    found = await run(installation, "verify", "pipeline", "--lang", "en")
    assert found.output == "Checked 4 audited changes, 2 blocks: 0 wrong, 0 open.\n"


async def test_what_is_wrong_is_named(installation: Installation, database: Database) -> None:
    await tamper(database)
    found = await run(installation, "verify", "--lang", "en")
    assert found.exit_code == 1
    assert found.output.startswith("wrong: pipeline: audit_row 2: says ")
    assert found.output.endswith("1 wrong, 0 open.\n")
    said = json.loads((await run(installation, "verify", "--json")).output)
    assert [one["check"] for one in said["findings"]] == ["audit.row"]
    assert (await run(installation, "verify", "targets")).exit_code == 0


async def test_anchors_are_printed_kept_and_held_against_the_trail(
    installation: Installation, database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "锚点.jsonl"
    first = await run(installation, "anchor", "--save", str(file))
    assert first.exit_code == 0
    (line,) = first.output.splitlines()
    assert (json.loads(line)["service"], json.loads(line)["block"]) == ("pipeline", 2)
    await ask(database, change("之后"))
    await seal(database)
    await run(installation, "anchor", "pipeline", "--save", str(file))
    kept = [json.loads(text) for text in file.read_text(encoding="utf-8").splitlines()]
    assert [(one["block"], one["last"]) for one in kept] == [(2, 4), (3, 5)]
    assert (await run(installation, "verify", "--anchor", str(file))).exit_code == 0
    async with database.acquire() as conn:
        await conn.execute("DELETE FROM audit_row WHERE number = 5")
        await conn.execute("DELETE FROM audit_block WHERE number = 3")
        await conn.execute(
            "UPDATE audit_head SET block = 2, number = 4,"
            " hash = (SELECT hash FROM audit_block WHERE number = 2)"
        )
    assert (await run(installation, "verify")).exit_code == 0
    cut = await run(installation, "verify", "--anchor", str(file), "--lang", "en")
    assert cut.exit_code == 1
    assert "pipeline: audit_block 3: says —, should say there (audit.cut)" in cut.output


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("verify", "billing"), 2),
        (("verify", "knowledge"), 4),
        (("verify", "--anchor", "/nowhere"), 4),
        (("verify", "--lang", "fr"), 2),
        (("anchor", "performance"), 4),
    ],
)
async def test_what_cannot_be_verified_ends_with_another_code(
    installation: Installation, words: tuple[str, ...], code: int
) -> None:
    assert (await run(installation, *words)).exit_code == code


@pytest.mark.parametrize("text", ["{}", "nothing", '{"service": "pipeline", "block": "2"}', "[1]"])
async def test_an_anchor_that_is_none_is_no_excuse(
    installation: Installation, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "anchors"
    file.write_text(f"\n{text}\n", encoding="utf-8")
    found = await run(installation, "verify", "--anchor", str(file))
    assert found.exit_code == 4
    assert "Line 2" in found.output
