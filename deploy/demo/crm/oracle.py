"""What the export's author says must come out, where the files of it are there."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from deploy.demo.crm.posting import COMPANY, Posted, region_of, team_of
from deploy.demo.crm.reading import ExportUnusable
from deploy.demo.crm.results import Place, Result
from shared.errors import PharosError
from shared.money import Money

AGENTS_FILE: Final = "oracle_agent_quarter.csv"
UNITS_FILE: Final = "oracle_unit_quarter.csv"


class Expected(NamedTuple):
    """What a row of an oracle says: revenue and won deals of somebody in a quarter."""

    name: str
    place: Place
    revenue: Money
    won: int


def read(folder: Path, posted: Posted, currency: str) -> list[Expected]:
    """Return what the oracles in a folder say; nothing where there are none.

    Raises ExportUnusable for an oracle that names what the export does not have.
    """
    found = []
    for name in (AGENTS_FILE, UNITS_FILE):
        path = folder / name
        if not path.exists():
            continue
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                found += [_expected(row, posted, currency) for row in csv.DictReader(file)]
        except (OSError, KeyError, ValueError, PharosError) as error:
            raise ExportUnusable(f"{path} cannot be compared with: {error!r}.") from error
    return found


def differences(expected: list[Expected], results: Mapping[Place, Result]) -> Iterator[str]:
    """Yield a sentence for each row that the APIs do not confirm."""
    for row in expected:
        found = results.get(row.place)
        revenue = Money.zero(row.revenue.currency) if found is None else found.revenue
        won = 0 if found is None else found.won
        if (revenue, won) != (row.revenue, row.won):
            yield (
                f"{row.name} in {row.place.quarter}: {won} won, {revenue}; "
                f"the oracle says {row.won} won, {row.revenue}"
            )


def _expected(row: dict[str, str], posted: Posted, currency: str) -> Expected:
    if "sales_agent" in row:
        name = row["sales_agent"]
        scope_id = posted.members[name]
    else:
        name = row["unit"]
        scope_id = posted.units[_unit(row["level"], name)]
    place = Place(scope_id, f"{row['y']}-Q{row['q']}")
    return Expected(name, place, Money.of(row["won_revenue"], currency), int(row["won"]))


def _unit(level: str, name: str) -> str:
    match level:
        case "manager":
            return team_of(name)
        case "region":
            return region_of(name)
        case _:
            return COMPANY
