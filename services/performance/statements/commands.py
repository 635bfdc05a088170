"""What can be asked of statements: to be drawn up."""

from uuid import UUID

from services.performance.incentives import commands as incentives
from services.performance.incentives import queries as incentive_ledger
from services.performance.incentives.model import PayeePeriod
from services.performance.statements.model import Statement
from services.performance.statements.queries import StatementNotFound
from shared.auth.scope import Sight, members_outside
from shared.db import Connection
from shared.period import FiscalCalendar, NamedPeriod


async def draw_up(
    conn: Connection,
    calendar: FiscalCalendar,
    far: Sight,
    payee_id: UUID,
    period: NamedPeriod,
) -> Statement:
    """Return the statement of a payee in reach and a period; raises StatementNotFound.

    All of it is of one moment, so that its sums agree.
    """
    if await members_outside(conn, far, [payee_id]):
        raise StatementNotFound(payee_id=payee_id, period=period.name)
    owner = PayeePeriod(payee_id, period.name)
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        explained = await incentives.explain_in(conn, calendar, owner)
        waits = await incentive_ledger.waits(conn, payee_id)
    if not explained:
        raise StatementNotFound(payee_id=payee_id, period=period.name)
    return Statement(payee_id, period, tuple(explained), waits)
