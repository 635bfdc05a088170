"""Routes of the organisation."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import Path, Query, Request
from fastapi.responses import Response

from services.targets.org import commands, queries
from services.targets.org.commands import MemberDraft, UnitDraft
from services.targets.org.model import Member, Unit
from services.targets.org.queries import AssignedMember, PlacedUnit
from shared.fields import Body, BusinessDate, Code, Id, Name, View
from shared.http.call import CallOf
from shared.http.downloads import FILES
from shared.http.exports import ExportOf, exported
from shared.http.external import ExternalView
from shared.http.lists import ListOf, listed
from shared.http.page import Page
from shared.http.routes import needs, routes
from shared.ids import External

router = routes("organisation", "Units, members, and who belongs where from which day on.")

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

    @classmethod
    def placed(cls, found: PlacedUnit) -> "PlacedUnitView":
        """Return the view of a unit that hangs somewhere."""
        return cls(**dict(UnitView.of(found.unit)), parent_id=found.parent_id)


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

    @classmethod
    def assigned(cls, found: AssignedMember) -> "AssignedMemberView":
        """Return the view of a member that belongs somewhere."""
        return cls(**dict(MemberView.of(found.member)), unit_id=found.unit_id, leads=found.leads)


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


@router.get("/units", openapi_extra=needs("org:read"), response_model=Page[PlacedUnitView])
async def list_units(request: Request, call: CallOf, query: ListOf, on: OnDay = None) -> Response:
    """List units, each with its parent on a day."""
    return await listed(
        request, call, queries.UNITS, PlacedUnitView.placed, query, given=[_day(call, on)]
    )


@router.get(
    "/units/by-external/{source}/{external_id:path}",
    openapi_extra=needs("org:read"),
    response_model=PlacedUnitView,
)
async def read_unit_by_external(
    source: Annotated[Code, Path()],
    external_id: Annotated[Code, Path()],
    call: CallOf,
    on: OnDay = None,
) -> Response:
    """Return the unit of an external id with its parent on a day."""
    key = External(source, external_id)
    answer = call.present if on is None else call.one  # today's is another's tomorrow
    return await answer(PlacedUnitView.placed, queries.unit, key, _day(call, on))


@router.get(
    "/units/export",
    openapi_extra=needs("org:read"),
    response_class=Response,
    responses=FILES,
)
async def export_units(call: CallOf, query: ExportOf, on: OnDay = None) -> Response:
    """Download all units that the list would show, as CSV, XLSX or NDJSON."""
    return await exported(
        call, "units", queries.UNITS, PlacedUnitView.placed, query, given=[_day(call, on)]
    )


@router.get("/units/{unit_id}", openapi_extra=needs("org:read"), response_model=PlacedUnitView)
async def read_unit(unit_id: UUID, call: CallOf, on: OnDay = None) -> Response:
    """Return a unit with its parent on a day."""
    answer = call.present if on is None else call.one  # today's is another's tomorrow
    return await answer(PlacedUnitView.placed, queries.unit, unit_id, _day(call, on))


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


@router.get("/members", openapi_extra=needs("org:read"), response_model=Page[AssignedMemberView])
async def list_members(request: Request, call: CallOf, query: ListOf, on: OnDay = None) -> Response:
    """List members, each with its unit on a day."""
    return await listed(
        request, call, queries.MEMBERS, AssignedMemberView.assigned, query, given=[_day(call, on)]
    )


@router.get(
    "/members/by-external/{source}/{external_id:path}",
    openapi_extra=needs("org:read"),
    response_model=AssignedMemberView,
)
async def read_member_by_external(
    source: Annotated[Code, Path()],
    external_id: Annotated[Code, Path()],
    call: CallOf,
    on: OnDay = None,
) -> Response:
    """Return the member of an external id with its unit on a day."""
    key = External(source, external_id)
    answer = call.present if on is None else call.one  # today's is another's tomorrow
    return await answer(AssignedMemberView.assigned, queries.member, key, _day(call, on))


@router.get(
    "/members/export",
    openapi_extra=needs("org:read"),
    response_class=Response,
    responses=FILES,
)
async def export_members(call: CallOf, query: ExportOf, on: OnDay = None) -> Response:
    """Download all members that the list would show, as CSV, XLSX or NDJSON."""
    return await exported(
        call, "members", queries.MEMBERS, AssignedMemberView.assigned, query, given=[_day(call, on)]
    )


@router.get(
    "/members/{member_id}", openapi_extra=needs("org:read"), response_model=AssignedMemberView
)
async def read_member(member_id: UUID, call: CallOf, on: OnDay = None) -> Response:
    """Return a member with its unit on a day."""
    answer = call.present if on is None else call.one  # today's is another's tomorrow
    return await answer(AssignedMemberView.assigned, queries.member, member_id, _day(call, on))


def _day(call: CallOf, on: date | None) -> date:
    return on or call.ctx.today
