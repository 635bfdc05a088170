"""Routes of wins."""

from services.knowledge.wins import queries
from shared.fields import View
from shared.http.call import CallOf
from shared.http.routes import needs, routes

router = routes("wins", "How many deals were won, by quarter.")


class WinsView(View):
    """The won deals of a quarter."""

    period: str
    deals: int


class WinsList(View):
    """The won deals of every quarter that has any history, in order."""

    items: list[WinsView]


@router.get("/wins", openapi_extra=needs("wins:read"))
async def list_wins(call: CallOf) -> WinsList:
    """Count the won deals by quarter."""
    counts = await call.read(queries.counts)
    return WinsList(
        items=[WinsView(period=period, deals=deals) for period, deals in counts.items()]
    )
