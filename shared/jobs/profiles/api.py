"""Routes of mapping profiles."""

from typing import Annotated

from fastapi import Path, Request
from fastapi.responses import Response

from shared.fields import Code, View
from shared.http.call import CallOf
from shared.http.routes import needs, routes
from shared.jobs.api import importer_of
from shared.jobs.mapping import MappingProfile
from shared.jobs.profiles import commands
from shared.jobs.profiles.store import Stored

router = routes("imports")


class ProfileView(View):
    """A mapping profile; version 0 came with the release."""

    noun: str
    name: str
    version: int
    profile: MappingProfile

    @classmethod
    def of(cls, stored: Stored) -> "ProfileView":
        """Return the view of a profile."""
        return cls(
            noun=stored.noun, name=stored.name, version=stored.version, profile=stored.profile
        )


class ProfilesView(View):
    """The profiles of a noun by name."""

    items: list[ProfileView]


class ImportFieldView(View):
    """A field that a column can become, and the headings that are known without a profile."""

    field: str
    kind: str
    required: bool
    headings: list[str]


class ImportNounView(View):
    """What can be imported, and what its rows are made of."""

    noun: str
    permission: str
    fields: list[ImportFieldView]


class ImportNounsView(View):
    """The nouns that can be imported here."""

    items: list[ImportNounView]


@router.get("/import-nouns", openapi_extra=needs("imports:write"))
async def list_nouns(request: Request) -> ImportNounsView:
    """List what can be imported here, with its fields."""
    return ImportNounsView(
        items=[
            ImportNounView(
                noun=importer.noun,
                permission=importer.permission,
                fields=[
                    ImportFieldView(
                        field=column.field,
                        kind=column.kind,
                        required=column.field in importer.required,
                        headings=[column.field, *column.headings],
                    )
                    for column in importer.columns
                ],
            )
            for importer in request.app.state.importers.values()
        ]
    )


@router.get("/import-profiles/{noun}", openapi_extra=needs("imports:write"))
async def list_profiles(
    request: Request, noun: Annotated[Code, Path()], call: CallOf
) -> ProfilesView:
    """List the mapping profiles of a noun, each at its newest version."""
    importer = importer_of(request, noun)
    folder = request.app.state.profiles
    found = await call.read(commands.known, folder, importer.noun)
    return ProfilesView(items=[ProfileView.of(stored) for stored in found])


@router.put(
    "/import-profiles/{noun}/{name}",
    openapi_extra=needs("imports:write"),
    response_model=ProfileView,
)
async def put_profile(
    request: Request,
    noun: Annotated[Code, Path()],
    name: Annotated[Code, Path()],
    body: MappingProfile,
    call: CallOf,
) -> Response:
    """Store a mapping profile under a name: a new version if anything differs."""
    importer = importer_of(request, noun)
    call.principal.require(importer.permission)
    return await call.run(ProfileView.of, commands.put, importer=importer, name=name, profile=body)
