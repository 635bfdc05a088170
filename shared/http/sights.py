"""What a caller may see of events: their content, or that there is something at their place."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from pydantic import ValidationError

from shared import clock
from shared.auth.scope import members_outside, units_outside
from shared.contracts.contract import Concerned, UnknownContract, decode, permission_of
from shared.contracts.roles import Breadth
from shared.db import Connection
from shared.events.envelope import Event
from shared.http.call import Call

NOBODY = Concerned()


async def seen(call: Call, events: Sequence[Event]) -> Sequence[Event]:
    """Return the events as the caller may see them: without their content where it is withheld.

    That is where the caller's roles do not hold the permission that their type asks for, and where
    it reaches nobody whom the content concerns. A caller who reaches everybody costs no statement.
    """
    kinds = {event.type for event in events}
    breadths = {kind: _breadth(call, kind) for kind in kinds}
    narrow = {kind for kind, breadth in breadths.items() if breadth not in {None, Breadth.ALL}}
    concerned = {event.id: _concerned(event) for event in events if event.type in narrow}
    about = defaultdict[Breadth, list[Concerned]](list)
    for event in events:
        breadth = breadths[event.type]
        if event.type in narrow and breadth is not None:
            about[breadth].append(concerned[event.id])
    reached = {
        breadth: await call.read(_reached, call, breadth, many) for breadth, many in about.items()
    }

    def is_seen(event: Event) -> bool:
        breadth = breadths[event.type]
        if breadth is None or event.type not in narrow:
            return breadth is not None
        told = concerned[event.id]
        return bool((told.members | told.units) & reached[breadth])

    return [event if is_seen(event) else replace(event, data=None) for event in events]


def _breadth(call: Call, kind: str) -> Breadth | None:
    permission = permission_of(kind)
    return None if permission is None else call.principal.breadth(permission)


def _concerned(event: Event) -> Concerned:
    """Return whom an event concerns; nobody where this release cannot read it."""
    try:
        content = event.content or decode(event.type, event.data or "")
    except (UnknownContract, ValidationError):
        return NOBODY
    return content.concerns()


async def _reached(
    conn: Connection, call: Call, breadth: Breadth, many: Sequence[Concerned]
) -> set[UUID]:
    # A stream stays open over midnight, and tells by the organisation of the day on which it tells.
    far = replace(call.sight(), breadth=breadth, day=call.ctx.installation.day(clock.now()))
    members = {member_id for one in many for member_id in one.members}
    units = {unit_id for one in many for unit_id in one.units}
    found = members - await members_outside(conn, far, members)
    return found | (units - await units_outside(conn, far, units))
