"""Reading counted wins."""

from typing import Final, LiteralString

from services.knowledge.wins.model import Wins
from shared.db import Row
from shared.filters.fields import Field
from shared.filters.kinds import Kind
from shared.lists.listing import Listing

_COUNTS: Final[LiteralString] = """
    SELECT w.period, w.deals
      FROM (SELECT period, sum(deals)::bigint AS deals FROM win_count GROUP BY period) AS w
"""


def _wins(row: Row) -> Wins:
    return Wins(row["period"], row["deals"])


WINS: Final = Listing(
    select=_COUNTS,
    of=_wins,
    key="period",
    fields={
        "period": Field(Kind.TEXT, "w.period", sorts=True, upwards_only=True),
        "deals": Field(Kind.INTEGER, "w.deals"),
    },
)
