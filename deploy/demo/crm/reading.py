"""The files of a CRM export, read with distrust: what cannot be right is refused by its line."""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from deploy.demo.client import DemoFailed
from shared.errors import PharosError
from shared.fields import DATE_MAX, DATE_MIN
from shared.ratio import exact

TEAMS_FILE: Final = "sales_teams.csv"
PRODUCTS_FILE: Final = "products.csv"
DEALS_FILE: Final = "sales_pipeline.csv"
_COLUMNS: Final = {
    TEAMS_FILE: ("sales_agent", "manager", "regional_office"),
    PRODUCTS_FILE: ("product", "series", "sales_price"),
    DEALS_FILE: (
        "opportunity_id",
        "sales_agent",
        "product",
        "account",
        "deal_stage",
        "engage_date",
        "close_date",
        "close_value",
    ),
}
# The bounds of the API: what it would refuse is refused before anything is posted.
_TEXT_LENGTH_MAX: Final = 64
_AMOUNT_END: Final = Decimal(10) ** 15
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

T = TypeVar("T")


class ExportUnusable(DemoFailed):
    """The export is not what it should be; nothing of it is posted."""


class Agent(NamedTuple):
    """A row of the teams."""

    name: str
    manager: str
    region: str


class Product(NamedTuple):
    """A row of the products."""

    name: str
    line: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class Opportunity:
    """A row of the pipeline; what the file leaves empty is None. ``at`` says where it stands."""

    at: str
    id: str
    agent: str
    product: str
    account: str | None
    stage: str
    engaged_on: date | None
    closed_on: date | None
    value: Decimal | None


@dataclass(frozen=True, slots=True)
class Export:
    """The rows of all three files, as they are."""

    agents: Sequence[Agent]
    products: Sequence[Product]
    opportunities: Sequence[Opportunity]


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of a file, asked for its fields one by one."""

    at: str
    fields: dict[str, str]

    def text(self, column: str) -> str:
        """Return a field that must not be empty."""
        found = self.optional(column, _text)
        if found is None:
            raise ExportUnusable(f"{self.at}: {column} is empty.")
        return found

    def optional(self, column: str, parse: Callable[[str], T]) -> T | None:
        """Return a field parsed, None when it is empty."""
        text = self.fields[column].strip()
        if not text:
            return None
        if len(text) > _TEXT_LENGTH_MAX:
            raise ExportUnusable(f"{self.at}: {column} is longer than {_TEXT_LENGTH_MAX}.")
        try:
            return parse(text)
        except (ValueError, PharosError):
            raise ExportUnusable(
                f"{self.at}: {column} cannot be {text!r}; {_KINDS[parse]}."
            ) from None


def _day(text: str) -> date:
    if _DAY.fullmatch(text) is None:  # the parser takes other forms of ISO 8601, too
        raise ValueError(text)
    found = date.fromisoformat(text)
    if not DATE_MIN <= found <= DATE_MAX:
        raise ValueError(text)
    return found


def _amount(text: str) -> Decimal:
    found = exact(text)
    if not 0 <= found < _AMOUNT_END:
        raise ValueError(text)
    return found


def _text(text: str) -> str:
    if not text.isprintable():
        raise ValueError(text)
    return text


_KINDS: Final[dict[Callable[[str], object], str]] = {
    _day: "write days as 2017-03-31",
    _amount: "write amounts as 1200 or 1200.50",
    _text: "write text that can be printed",
}


def read(folder: Path) -> Export:
    """Return the rows of an export; raises ExportUnusable, which names file, line and column."""
    files = {name: list(_rows(folder / name, columns)) for name, columns in _COLUMNS.items()}
    return Export(
        [_agent(row) for row in files[TEAMS_FILE]],
        [_product(row) for row in files[PRODUCTS_FILE]],
        [_opportunity(row) for row in files[DEALS_FILE]],
    )


def _rows(path: Path, columns: Sequence[str]) -> Iterator[_Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise ExportUnusable(f"{path} has no column {', '.join(missing)}.")
            for fields in reader:
                at = f"{path.name}, line {reader.line_num}"
                if None in fields or None in fields.values():
                    raise ExportUnusable(f"{at}: it has not as many fields as the first line.")
                yield _Row(at, fields)
    except OSError as error:
        raise ExportUnusable(f"{path} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ExportUnusable(f"{path} is not a CSV file in UTF-8: {error}.") from error


def _agent(row: _Row) -> Agent:
    return Agent(row.text("sales_agent"), row.text("manager"), row.text("regional_office"))


def _product(row: _Row) -> Product:
    price = row.optional("sales_price", _amount)
    if price is None:
        raise ExportUnusable(f"{row.at}: sales_price is empty.")
    return Product(row.text("product"), row.text("series"), price)


def _opportunity(row: _Row) -> Opportunity:
    return Opportunity(
        at=row.at,
        id=row.text("opportunity_id"),
        agent=row.text("sales_agent"),
        product=row.text("product"),
        account=row.optional("account", _text),
        stage=row.text("deal_stage"),
        engaged_on=row.optional("engage_date", _day),
        closed_on=row.optional("close_date", _day),
        value=row.optional("close_value", _amount),
    )
