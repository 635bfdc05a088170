"""Four eyes: nobody decides alone on what they are measured or paid by."""

from collections.abc import Collection
from uuid import UUID

from shared.context import Context
from shared.db import Connection
from shared.directory import queries as directory
from shared.errors import Forbidden


class OwnBenefit(Forbidden):
    """Somebody would set the own target or post, decide on the own pay, or get people to lead."""

    en = (
        "You would decide on your own target, pay or post, or on whom you lead. "
        "Ask somebody else who may."
    )
    zh = "不得决定本人的目标、薪酬、任职或下属范围，请由其他有权限的人员办理。"


async def own(
    conn: Connection, ctx: Context, members: Collection[UUID], units: Collection[UUID]
) -> set[UUID]:
    """Return what of these is the asking member, or a unit that the member leads today."""
    asking = None if ctx.asked is None else ctx.asked.member_id
    if asking is None:
        return set()
    led = await directory.led_by(conn, asking, ctx.today) if units else set()
    return ({asking} & set(members)) | (led & set(units))
