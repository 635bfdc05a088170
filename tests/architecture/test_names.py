"""A file's name says what is in it, and a noun has the same few files everywhere."""

from collections.abc import Iterator

import pytest

from tests.architecture.source import Finding, Source, finds, must_be_clean

SAYS_NOTHING = {
    *("util", "utils", "utilities", "helper", "helpers", "manager", "managers", "common", "base"),
    *("misc", "lib", "core", "stuff", "tools", "handlers"),
}
NOUN_FILES = {"model", "rules", "store", "queries", "commands", "reactions", "api", "__init__"}
SERVICE_FILES = {"service", "__init__"}


def empty_names(source: Source) -> Iterator[Finding]:
    """Yield modules and folders with a name that would fit anything."""
    for part in source.parts:
        if part.strip("_").lower() in SAYS_NOTHING:
            yield source.finding(1, f"{part!r} says nothing; name what it is")


def strange_files(source: Source) -> Iterator[Finding]:
    """Yield files of a service that are none of the files of a service or of a noun.

    A folder inside a noun is a sub-noun, or a set of pure modules held to the rules of
    ``rules.py``; its files are named after what they calculate.
    """
    match source.parts:
        case ("services", name) if name != "__init__":
            yield source.finding(1, "a service is a folder")
        case ("services", _, name) if name not in SERVICE_FILES:
            yield source.finding(1, f"a service has {_listed(SERVICE_FILES)} beside its nouns")
        case ("services", _, noun, name) if noun != "migrations" and name not in NOUN_FILES:
            yield source.finding(1, f"a noun has {_listed(NOUN_FILES)} and nothing else")
        case ("services", _, noun, _, _, _, *_) if noun != "migrations":
            yield source.finding(1, "a noun is two folders deep at most")


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(name for name in names if name != "__init__"))


def test_every_module_is_named_after_what_it_is() -> None:
    must_be_clean(empty_names, "services", "shared", "deploy", "tests")


def test_a_noun_has_only_its_own_few_files() -> None:
    must_be_clean(strange_files, "services")


@pytest.mark.parametrize(
    "path",
    [
        "shared/utils.py",
        "shared/http/helpers.py",
        "services/pipeline/common/model.py",
        "deploy/local/manager.py",
        "tests/base.py",
        "tests/_helpers.py",
    ],
)
def test_an_empty_name_is_found(path: str) -> None:
    assert finds(empty_names, path, "")


@pytest.mark.parametrize(
    "path",
    [
        "services/pipeline.py",
        "services/pipeline/errors.py",
        "services/pipeline/deals/service.py",
        "services/pipeline/deals/schemas.py",
        "services/performance/incentives/engine/tiers/marginal.py",
    ],
)
def test_a_strange_file_is_found(path: str) -> None:
    assert finds(strange_files, path, "")


@pytest.mark.parametrize(
    "path",
    [
        "services/__init__.py",
        "services/pipeline/service.py",
        "services/pipeline/deals/store.py",
        "services/pipeline/migrations/env.py",
        "services/pipeline/migrations/versions/0001_first.py",
        "services/performance/incentives/engine/tiers.py",
        "services/targets/org/units/commands.py",
    ],
)
def test_the_agreed_files_pass(path: str) -> None:
    assert not finds(strange_files, path, "")
    assert not finds(empty_names, path, "")
