"""The mapping profiles that come with the services are held to what the nouns have."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.installation import SERVICES
from deploy.serving import load
from shared.jobs.binding import bind
from shared.jobs.importer import Importer
from shared.jobs.mapping import MappingProfile, check
from shared.jobs.profiles.commands import shipped
from shared.tables.reading import open_table
from tests.unit.tables.samples import folder_of_samples


def _shipped() -> Iterator[tuple[Importer, str, MappingProfile]]:
    for name in SERVICES:
        service = load(name)
        for importer in service.importers:
            for stored in shipped(_folder(name), importer.noun):
                yield importer, stored.name, stored.profile


def _folder(service: str) -> Path:
    return load(service).migrations.parent / "profiles"


SHIPPED = {f"{importer.noun}.{name}": (importer, profile) for importer, name, profile in _shipped()}


def test_every_file_belongs_to_a_noun_that_is_imported() -> None:
    files = {path.stem for name in SERVICES for path in _folder(name).glob("*")}
    assert files == SHIPPED.keys()


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_a_shipped_profile_fits_its_noun(name: str) -> None:
    importer, profile = SHIPPED[name]
    check(profile, importer)
    assert profile.recognised_by


@pytest.mark.parametrize(
    ("name", "folder", "file"),
    [
        ("accounts.salesforce", "crm-export-shapes", "salesforce_sf_account_data.csv"),
        ("products.maven-crm", "maven-crm", "products.csv"),
    ],
)
def test_a_shipped_profile_reads_a_real_export(name: str, folder: str, file: str) -> None:
    importer, profile = SHIPPED[name]
    table = open_table(io.BytesIO((folder_of_samples(folder) / file).read_bytes()))
    assert set(profile.recognised_by) <= set(table.header)
    binding = bind(profile, importer, table.header)
    rows = [binding.read(row.cells) for row in table.rows]
    assert rows
    assert all(row is not None for row, _ in rows), [problems for _, problems in rows if problems]
