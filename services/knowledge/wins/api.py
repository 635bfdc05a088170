"""Routes of wins."""

from fastapi import Request
from fastapi.responses import Response

from services.knowledge.wins import queries
from services.knowledge.wins.model import Wins
from shared.fields import View
from shared.http.call import CallOf
from shared.http.lists import ListOf, listed
from shared.http.page import Page
from shared.http.routes import needs, routes

router = routes("wins", "How many deals were won, by quarter.")


class WinsView(View):
    """The won deals of a quarter."""

    period: str
    deals: int

    @classmethod
    def of(cls, wins: Wins) -> "WinsView":
        """Return the view of a quarter's wins."""
        return cls(period=wins.period, deals=wins.deals)


@router.get("/wins", openapi_extra=needs("wins:read"), response_model=Page[WinsView])
async def list_wins(request: Request, call: CallOf, query: ListOf) -> Response:
    """Count the won deals of every quarter that has any history."""
    return await listed(request, call, queries.WINS, WinsView.of, query)
