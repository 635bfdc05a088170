"""Routes of the organisation."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import Path, Query
from fastapi.responses import Response

from services.targets.org import commands, queries
from services.targets.org.commands import MemberDraft, UnitDraft
from services.targets.org.model import Member, Unit
from shared.fields import Body, BusinessDate, Code, Id, Name, View
from shared.http.call import CallOf
from shared.http.external import ExternalView
from shared.http.page import Cursor, Limit, Page, after_id, page_by_id
from shared.http.routes import needs, routes
from shared.ids import External

router = routes("organisation")

OnDay = Annotated[BusinessDate | None, Query(description="Left out: today.")]


class UnitBody(Body):
    """A unit as it should be, and where it hangs from a date on."""

    name: Name
    kind: Code
    parent_id: Id | None
    valid_from: BusinessDate

    def draft(self) -> UnitDraft:
        """Return the draft as the domain knows it."""
        return UnitDraft(self.name, self.kind, self.parent_id, self.valid_from)


class MemberBody(Body):
    """A member as it should be, and which unit it belongs to from a date on."""

    name: Name
    unit_id: Id | None
    leads: bool = False
    valid_from: BusinessDate

    def draft(self) -> MemberDraft:
        """Return the draft as the domain knows it."""
        return MemberDraft(self.name, self.unit_id, self.leads, self.valid_from)


class UnitView(View):
    """A unit."""

    id: UUID
    version: int
    name: str
    kind: str
    external: ExternalView | None

    @classmethod
    def of(cls, unit: Unit) -> "UnitView":
        """Return the view of a unit."""
        return cls(
            id=unit.id,
            version=unit.version,
            name=unit.name,
            kind=unit.kind,
            external=ExternalView.of(unit.external),
        )


class PlacedUnitView(UnitView):
    """A unit with its parent on the day that was asked for."""

    parent_id: UUID | None


class MemberView(View):
    """A member."""

    id: UUID
    version: int
    name: str
    external: ExternalView | None

    @classmethod
    def of(cls, member: Member) -> "MemberView":
        """Return the view of a member."""
        return cls(
            id=member.id,
            version=member.version,
            name=member.name,
            external=ExternalView.of(member.external),
        )


class AssignedMemberView(MemberView):
    """A member with its unit on the day that was asked for."""

    unit_id: UUID | None
    leads: bool


@router.post("/units", status_code=201, openapi_extra=needs("org:write"), response_model=UnitView)
async def make_unit(body: UnitBody, call: CallOf) -> Response:
    """Make a unit."""
    return await call.create(UnitView.of, commands.save_unit, draft=body.draft(), key=None)


@router.put("/units/{unit_id}", openapi_extra=needs("org:write"), response_model=UnitView)
async def change_unit(unit_id: UUID, body: UnitBody, call: CallOf) -> Response:
    """Change a unit, or hang it elsewhere from a date on; past figures follow if it lies back."""
    return await call.run(UnitView.of, commands.save_unit, draft=body.draft(), key=unit_id)


@router.put(
    "/units/by-external/{source}/{external_id:path}",
    openapi_extra=needs("org:write"),
    response_model=UnitView,
)
async def put_unit(
    source: Annotated[Code, Path()],
    external_id: Annotated[Code, Path()],
    body: UnitBody,
    call: CallOf,
) -> Response:
    """Make the unit of this external id or bring it up to date."""
    key = External(source, external_id)
    return await call.run(UnitView.of, commands.save_unit, draft=body.draft(), key=key)


@router.get("/units", openapi_extra=needs("org:read"))
async def list_units(
    call: CallOf, on: OnDay = None, limit: Limit = 50, cursor: Cursor = None
) -> Page[PlacedUnitView]:
    """List units by id, each with its parent on a day."""
    found = await call.read(queries.units, after_id(cursor), limit + 1, _day(call, on))
    views = [
        PlacedUnitView(**dict(UnitView.of(placed.unit)), parent_id=placed.parent_id)
        for placed in found
    ]
    return page_by_id(views, limit)


@router.post(
    "/members", status_code=201, openapi_extra=needs("org:write"), response_model=MemberView
)
async def make_member(body: MemberBody, call: CallOf) -> Response:
    """Make a member."""
    return await call.create(MemberView.of, commands.save_member, draft=body.draft(), key=None)


@router.put("/members/{member_id}", openapi_extra=needs("org:write"), response_model=MemberView)
async def change_member(member_id: UUID, body: MemberBody, call: CallOf) -> Response:
    """Change a member, or move it from a date on; past figures follow if the date lies back."""
    return await call.run(MemberView.of, commands.save_member, draft=body.draft(), key=member_id)


@router.put(
    "/members/by-external/{source}/{external_id:path}",
    openapi_extra=needs("org:write"),
    response_model=MemberView,
)
async def put_member(
    source: Annotated[Code, Path()],
    external_id: Annotated[Code, Path()],
    body: MemberBody,
    call: CallOf,
) -> Response:
    """Make the member of this external id or bring it up to date."""
    key = External(source, external_id)
    return await call.run(MemberView.of, commands.save_member, draft=body.draft(), key=key)


@router.get("/members", openapi_extra=needs("org:read"))
async def list_members(
    call: CallOf, on: OnDay = None, limit: Limit = 50, cursor: Cursor = None
) -> Page[AssignedMemberView]:
    """List members by id, each with its unit on a day."""
    found = await call.read(queries.members, after_id(cursor), limit + 1, _day(call, on))
    views = [
        AssignedMemberView(
            **dict(MemberView.of(assigned.member)), unit_id=assigned.unit_id, leads=assigned.leads
        )
        for assigned in found
    ]
    return page_by_id(views, limit)


def _day(call: CallOf, on: date | None) -> date:
    return on or call.ctx.now.date()
