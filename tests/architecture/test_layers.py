"""Inside a service: api asks commands and queries, these use rules and store, all know the model.

The directions between the packages are contracts of import-linter in pyproject.toml.
"""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.architecture.source import Finding, Import, Source, finds, must_be_clean

PURE = "pure"
"""Any module in a folder inside a noun that is none of the files of a noun."""

# What a file may import from its own noun …
OWN: dict[str, set[str]] = {
    "model": set(),
    PURE: {"model", PURE},
    "rules": {"model", PURE},
    "store": {"model"},
    "queries": {"model", "store"},
    "commands": {"model", "rules", "store", "queries", PURE},
    "reactions": {"model", "rules", "store", "queries", "commands", PURE},
    "api": {"model", "queries", "commands"},
}
# … and from another noun of the same service.
SIBLING: dict[str, set[str]] = {
    "model": {"model"},
    PURE: {"model"},
    "rules": {"model"},
    "store": {"model"},
    "queries": {"model"},
    "commands": {"model", "queries", "commands"},
    "reactions": {"model", "queries", "commands"},
    "api": {"model", "queries", "commands"},
}
# Deciding needs values, not the world: everything else is a fact handed in.
VALUES = (
    *("__future__", "abc", "bisect", "collections", "dataclasses", "datetime", "decimal", "enum"),
    *("fractions", "functools", "heapq", "itertools", "math", "operator", "re", "types", "typing"),
    *("unicodedata", "uuid"),
    *("shared.contracts", "shared.currencies", "shared.errors", "shared.money", "shared.period"),
    *("shared.personal", "shared.ratio", "shared.ids.derived_id", "shared.ids.External"),
)
WIRE = ("fastapi", "starlette", "httpx", "nats")
OUTSIDE: dict[str, tuple[str, ...]] = {
    "store": (*WIRE, "shared.http"),
    "queries": (*WIRE, "shared.http"),
    "commands": (*WIRE, "asyncpg"),
    "reactions": (*WIRE, "asyncpg"),
    "api": ("asyncpg", "httpx", "nats"),
}
# SQLAlchemy came with Alembic and stays there.
MIGRATING = ("shared/migrate.py", "shared/schema")


class Place(NamedTuple):
    """Where a module stands: service, noun, file (a sub-noun is a noun of its own)."""

    service: str
    noun: str
    file: str


def place_of(parts: tuple[str, ...]) -> Place | None:
    """Return the place of ``("services", "pipeline", "deals", "rules", …)``, None outside nouns."""
    if len(parts) < 4 or parts[0] != "services" or parts[2] == "migrations":
        return None
    _, service, noun, file, *deeper = parts
    if file in OWN or file == "__init__":
        return Place(service, noun, file)
    if deeper and deeper[0] in OWN:
        return Place(service, f"{noun}.{file}", deeper[0])
    return Place(service, noun, PURE)


def wrong_layer(source: Source) -> Iterator[Finding]:
    """Yield imports inside a service that go up, or past another noun's commands and queries."""
    here = place_of(source.parts)
    if here is None or here.file == "__init__":
        return
    for imported in source.imports():
        if not imported.within("services"):
            continue
        there = place_of(tuple(imported.target.split(".")))
        if there is None or there.service != here.service:
            yield source.finding(imported.line, f"a noun does not import {imported.target}")
        elif not _may(here, there, source):
            rule = f"{here.noun}/{here.file} does not import {there.noun}/{there.file}"
            yield source.finding(imported.line, rule)


def _may(here: Place, there: Place, source: Source) -> bool:
    if here.noun != there.noun:
        return there.file in SIBLING[here.file]
    # Reference data that only lists and saves needs no commands between its routes and its rows.
    plain = here.file == "api" and "commands" not in source.neighbours
    return there.file in OWN[here.file] or (plain and there.file == "store")


def impure(source: Source) -> Iterator[Finding]:
    """Yield imports of a model or of rules that are no plain values."""
    here = place_of(source.parts)
    if here is None or here.file not in {"model", "rules", PURE}:
        return
    allowed = (*VALUES, "shared.ids") if here.file == "model" else VALUES
    for imported in source.imports():
        if not imported.within(*allowed, "services"):
            rule = f"{here.file} decides on values alone; {imported.target} is none"
            yield source.finding(imported.line, rule)


def wrong_library(source: Source) -> Iterator[Finding]:
    """Yield imports of a library that is another file's business."""
    here = place_of(source.parts)
    for imported in source.imports():
        if here and imported.within(*OUTSIDE.get(here.file, ())):
            rule = f"{imported.target} is no business of {here.file}.py"
            yield source.finding(imported.line, rule)
        elif imported.within("sqlalchemy") and not source.within(*MIGRATING):
            yield source.finding(imported.line, "SQLAlchemy runs the migrations and nothing else")


def test_the_files_of_a_noun_import_downwards() -> None:
    must_be_clean(wrong_layer, "services")


def test_models_and_rules_are_pure() -> None:
    must_be_clean(impure, "services")


def test_each_library_has_its_file() -> None:
    must_be_clean(wrong_library, "services", "shared", "deploy")


@pytest.mark.parametrize(
    ("file", "imported"),
    [
        ("model", "services.pipeline.deals.rules"),
        ("rules", "services.pipeline.deals.store"),
        ("rules", "services.pipeline.accounts.rules"),
        ("store", "services.pipeline.deals.rules"),
        ("store", "services.pipeline.accounts.store"),
        ("queries", "services.pipeline.deals.commands"),
        ("commands", "services.pipeline.deals.api"),
        ("commands", "services.pipeline.accounts.store"),
        ("commands", "services.pipeline.accounts.rules"),
        ("commands", "services.targets.targets.model"),
        ("reactions", "services.pipeline.accounts.store"),
        ("api", "services.pipeline.deals.store"),
        ("api", "services.pipeline.deals.rules"),
        ("api", "services.pipeline.service"),
        ("engine/tiers", "services.pipeline.deals.store"),
        ("lines/rules", "services.pipeline.deals.rules"),
    ],
)
def test_an_import_upwards_or_sideways_is_found(file: str, imported: str) -> None:
    package, _, name = imported.rpartition(".")
    path = f"services/pipeline/deals/{file}.py"
    for code in (
        f"import {imported}",
        f"from {package} import {name}",
        f"from {imported} import X",
    ):
        assert finds(wrong_layer, path, code, "commands", "store")


@pytest.mark.parametrize(
    ("file", "imported"),
    [
        ("rules", "services.pipeline.deals.model"),
        ("rules", "services.pipeline.accounts.model"),
        ("rules", "services.pipeline.deals.engine.tiers"),
        ("commands", "services.pipeline.deals.store"),
        ("commands", "services.pipeline.accounts.commands"),
        ("reactions", "services.pipeline.deals.commands"),
        ("api", "services.pipeline.accounts.queries"),
        ("engine/tiers", "services.pipeline.deals.engine.rates"),
        ("lines/rules", "services.pipeline.deals.lines.model"),
    ],
)
def test_an_import_downwards_passes(file: str, imported: str) -> None:
    path = f"services/pipeline/deals/{file}.py"
    assert not finds(wrong_layer, path, f"import {imported}", "commands", "store")


def test_reference_data_may_go_without_commands() -> None:
    code = "from services.targets.metrics import store"
    assert not finds(wrong_layer, "services/targets/metrics/api.py", code, "api", "store")


@pytest.mark.parametrize(
    "imported",
    ["asyncpg", "fastapi", "logging", "pydantic", "shared.db", "shared.clock", "shared.ids.new_id"],
)
@pytest.mark.parametrize("file", ["rules", "engine/tiers"])
def test_rules_that_look_at_the_world_are_found(file: str, imported: str) -> None:
    package, _, name = imported.rpartition(".")
    code = f"from {package} import {name}" if package else f"import {name}"
    assert finds(impure, f"services/performance/incentives/{file}.py", code)


@pytest.mark.parametrize(
    "imported",
    [
        "shared.money.Money",
        "shared.ids.derived_id",
        "shared.contracts.pipeline.DealWon",
        "services.pipeline.deals.model.Deal",
        "decimal.Decimal",
    ],
)
def test_rules_on_values_pass(imported: str) -> None:
    package, _, name = imported.rpartition(".")
    assert not finds(impure, "services/pipeline/deals/rules.py", f"from {package} import {name}")


def test_a_model_may_make_ids() -> None:
    assert not finds(impure, "services/pipeline/deals/model.py", "from shared.ids import new_id")


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("store", "from fastapi import Depends"),
        ("queries", "from shared.http.page import Page"),
        ("commands", "import asyncpg"),
        ("reactions", "import nats"),
        ("api", "import asyncpg"),
    ],
)
def test_a_library_in_the_wrong_file_is_found(file: str, code: str) -> None:
    assert finds(wrong_library, f"services/pipeline/deals/{file}.py", code)


def test_sqlalchemy_outside_the_migrations_is_found() -> None:
    assert finds(wrong_library, "shared/db.py", "from sqlalchemy import text")
    assert not finds(wrong_library, "shared/migrate.py", "from sqlalchemy import text")


def test_an_import_lies_in_a_package_by_whole_names() -> None:
    assert Import(1, "shared.db.Row").within("shared.db")
    assert not Import(1, "shared.dbx").within("shared.db")
