"""What the bench found: figures beside their bare limits, as a table and as plain lines."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

HIGHER, LOWER = "≥", "≤"


class BenchFailed(Exception):
    """A figure could not be measured; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a figure should reach: ``≥`` or ``≤`` a bound, of ours or of the ratio to the limit."""

    sign: str
    bound: float
    of_ratio: bool = False

    def met(self, figure: "Figure") -> bool:
        """Tell whether a figure is as expected."""
        value = figure.ratio if self.of_ratio else figure.ours
        if value is None:
            return False
        return value >= self.bound if self.sign == HIGHER else value <= self.bound

    def __str__(self) -> str:
        if self.of_ratio:
            return f"{self.sign} {self.bound:.2f} × limit"
        return f"{self.sign} {self.bound:,.0f}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure of ours, and what the bare statements reach on the same machine."""

    name: str
    unit: str
    ours: float
    limit: float | None = None
    expected: Expectation | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Return ours ÷ limit, None where there is no limit."""
        return self.ours / self.limit if self.limit else None

    @property
    def verdict(self) -> str:
        """Return in a word whether it is as expected; empty where nothing is."""
        if self.expected is None:
            return ""
        return "met" if self.expected.met(self) else "missed"

    def cells(self) -> list[str]:
        """Return the figure as text: name, ours, limit, ratio, expectation, verdict, note."""
        return [
            f"{self.name}, {self.unit}",
            number(self.ours),
            "–" if self.limit is None else number(self.limit),
            "–" if self.ratio is None else f"{self.ratio:.2f}",
            "–" if self.expected is None else str(self.expected),
            self.verdict,
            self.note,
        ]


def number(value: float) -> str:
    """Return a figure with as many decimals as mean something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}"


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value below which that share of the values lies; needs two or more of them."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


HEADINGS = ("figure", "ours", "limit", "ratio", "expected", "", "note")


def line(figure: Figure) -> str:
    """Return the figure as one plain line."""
    pairs = zip(HEADINGS[1:], figure.cells()[1:], strict=True)
    words = [f"{heading} {cell}".strip() for heading, cell in pairs if cell not in {"–", ""}]
    return f"{figure.cells()[0]}: {', '.join(words)}"


def show(figures: Sequence[Figure], seconds: float) -> None:
    """Print all figures, as a table for people and as lines for programs."""
    table = Table(title=f"Pharos beside its bare limits ({seconds:.0f} s)", title_justify="left")
    for heading in HEADINGS:
        right = heading in {"ours", "limit", "ratio"}
        table.add_column(heading, justify="right" if right else "left")
    for figure in figures:
        table.add_row(*figure.cells())
    console = Console(width=None if Console().is_terminal else 132)
    console.print(table)
    for figure in figures:
        console.print(line(figure), markup=False, highlight=False, soft_wrap=True)
