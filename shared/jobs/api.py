"""Routes of imports: a file becomes a job, a job tells what became of every row."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Header, Path, Query, Request
from fastapi.responses import Response
from pydantic import Field

from shared.auth.scope import NotWithinReach
from shared.context import Origin
from shared.contracts.roles import Breadth
from shared.errors import Language, NotFound
from shared.fields import Body, Code, Name
from shared.http.call import Call, CallOf, IdempotencyKey, call_without_body
from shared.http.downloads import FILES, Accept, Wished, download, format_wished
from shared.http.page import Cursor, Limit, Page, decode, encode
from shared.http.problems import language_of
from shared.http.routes import needs, routes
from shared.ids import derived_id, new_id
from shared.jobs import commands, queries
from shared.jobs.forms import file_of
from shared.jobs.importer import Importer
from shared.jobs.model import Asker, Job, Outcome, RowResult, Wanted
from shared.jobs.uploads import dropped_unless_whole, receive
from shared.jobs.views import ImportRowView, OperationView, UploadView, reasons
from shared.tables.encoding import ENCODINGS
from shared.tables.model import Cell, Format

router = routes("imports", "Files that are brought in row by row, and how far they are.")

SEES_ALL = "imports:oversee"
ROWS_AT_ONCE = 1_000
CHUNK_NUMBER_MAX = 100_000
REASONS: Mapping[Language, str] = {"en": "problems", "zh": "拒绝原因"}

Encoding = Literal["utf-8", "utf-16-le", "utf-16-be", "gb18030"]
Delimiter = Literal["comma", "semicolon", "tab"]
_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}
AcceptLanguage = Annotated[str, Header(max_length=1_000)]
assert set(Encoding.__args__) == set(ENCODINGS)  # type: ignore[attr-defined]  # noqa: S101


class NounNotImportable(NotFound):
    """The service imports no such noun."""

    en = "There is nothing to import as {noun} here; there are: {nouns}."
    zh = "此处不支持导入 {noun}；可导入的有：{nouns}。"


class ImportQuery(Body):
    """What is sent and how it is meant. What is left out is recognised by the file's content."""

    noun: Code
    format: Format | None = None
    encoding: Encoding | None = None
    delimiter: Delimiter | None = None
    sheet: Name | None = None
    profile: Code | None = Field(None, description="The mapping profile by name.")
    source: Code | None = Field(
        None, description="The system that external ids belong to, for rows that do not say."
    )
    file_name: Name | None = None
    dry_run: bool = Field(
        default=False, description="Do everything and take it back: outcomes without effect."
    )
    origin: Literal["live", "import"] = Field(
        "live", description="`import`: history, which posts figures but raises no notices."
    )
    upload: Literal["body", "chunks"] = Field(
        "body", description="`chunks`: the file comes in pieces, by PUT, in any order."
    )

    def wanted(self) -> Wanted:
        """Return what is asked for as the job keeps it."""
        said = {
            "name": self.file_name,
            "format": None if self.format is None else self.format.value,
            "encoding": self.encoding,
            "delimiter": None if self.delimiter is None else _DELIMITERS[self.delimiter],
            "sheet": self.sheet,
        }
        return Wanted(
            noun=self.noun,
            origin=Origin(self.origin),
            dry_run=self.dry_run,
            file={name: value for name, value in said.items() if value is not None},
            profile=self.profile,
            source=self.source,
        )


class CompleteBody(Body):
    """How much was sent, so that nothing is missed."""

    chunks: Annotated[int, Field(ge=1, le=CHUNK_NUMBER_MAX + 1)]
    size: Annotated[int, Field(ge=0, le=2**40)]


UploadCallOf = Annotated[Call, Depends(call_without_body)]


@router.post(
    "/imports",
    status_code=202,
    openapi_extra={
        **needs("imports:write"),
        "requestBody": {
            "description": "The file itself: CSV, XLSX or NDJSON; or a form that holds just that.",
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "properties": {"file": {"type": "string", "format": "binary"}},
                        "required": ["file"],
                    },
                    "examples": {
                        "form": {
                            "summary": "What a browser or `curl -F file=@accounts.csv` sends",
                            "value": {"file": "source,external_id,name\r\ncrm,A-1,华东电力\r\n"},
                        }
                    },
                },
                "application/octet-stream": {
                    "schema": {"type": "string", "format": "binary"},
                    "examples": {
                        "accounts": {
                            "summary": "Accounts as CSV",
                            "value": "source,external_id,name\r\ncrm,A-1,华东电力\r\n",
                        }
                    },
                },
            },
        },
    },
    response_model=OperationView,
)
async def start_import(
    request: Request,
    asked: Annotated[ImportQuery, Query()],
    call: UploadCallOf,
    key: IdempotencyKey = None,
    accept_language: AcceptLanguage = "",
) -> Response:
    """Send a file to be imported; the answer is the operation that does it.

    The body is the file, or a form (`multipart/form-data`) with the file as its one part.
    Upserts by external id: the same file again changes nothing. One bad row never refuses another.
    With an `Idempotency-Key` the same file sent again is the same import.
    """
    importer = importer_of(request, asked.noun)
    call.principal.require(importer.permission)
    if call.principal.breadth(importer.permission) is not Breadth.ALL:
        raise NotWithinReach(permission=importer.permission)
    content = file_of(request.headers.get("content-type", ""), request.stream())
    principal = call.principal
    asker = Asker(principal.subject, principal.client, principal.roles, principal.member_id)
    mine = (principal.client, principal.subject)
    job_id = new_id() if key is None else derived_id("import", *mine, key)
    reason = None if call.ctx.asked is None else call.ctx.asked.reason
    wanted = replace(asked.wanted(), reason=reason)
    job = await call.database.transact(
        lambda conn: commands.make(conn, job_id, asker, wanted, call.ctx.now)
    )
    if asked.upload == "body":
        async with dropped_unless_whole(call.database, job, keep=key is not None):
            job = await receive(call.database, job, content)
    return accepted(request, job, language_of(accept_language))


@router.put("/imports/{import_id}/chunks/{number}", openapi_extra=needs("imports:write"))
async def put_chunk(
    request: Request,
    import_id: UUID,
    number: Annotated[int, Path(ge=0, le=CHUNK_NUMBER_MAX)],
    call: UploadCallOf,
) -> UploadView:
    """Send a piece of the file, in any order; the same number again takes the place of the first.

    A piece is as large as any other request may be. The answer says what is missing, so an upload
    that broke off goes on where it was.
    """
    job = await call.read(queries.one, import_id, whose(call))
    content = await request.body()
    await call.database.transact(lambda conn: commands.put_chunk(conn, job.id, number, content))
    return UploadView.of(job, await call.read(queries.received, import_id))


@router.get("/imports/{import_id}/chunks", openapi_extra=needs("imports:write"))
async def read_upload(import_id: UUID, call: CallOf) -> UploadView:
    """Tell how much of a file has come."""
    job = await call.read(queries.one, import_id, whose(call))
    return UploadView.of(job, await call.read(queries.received, import_id))


@router.post(
    "/imports/{import_id}/complete",
    status_code=202,
    openapi_extra=needs("imports:write"),
    response_model=OperationView,
)
async def complete_upload(
    request: Request,
    import_id: UUID,
    body: CompleteBody,
    call: CallOf,
    accept_language: AcceptLanguage = "",
) -> Response:
    """Say that all chunks have been sent: the import begins."""
    job = await call.database.transact(
        lambda conn: commands.complete(
            conn,
            job_id=import_id,
            subject=whose(call),
            chunks=body.chunks,
            size=body.size,
        )
    )
    return accepted(request, job, language_of(accept_language))


@router.get("/imports/{import_id}/rows", openapi_extra=needs("imports:write"))
async def list_rows(
    import_id: UUID,
    call: CallOf,
    outcome: Outcome | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    accept_language: AcceptLanguage = "",
) -> Page[ImportRowView]:
    """List what became of the rows, by their number in the file."""
    await call.read(queries.one, import_id, whose(call))
    language = language_of(accept_language)
    after = _after(cursor)
    found = await call.read(queries.rows, import_id, after, outcome, limit + 1)
    items = [ImportRowView.of(result, language) for result in found[:limit]]
    following = encode(items[-1].row) if len(found) > limit else None
    return Page(items=items, next=following)


@router.get(
    "/imports/{import_id}/refused",
    openapi_extra=needs("imports:write"),
    response_class=Response,
    responses=FILES,
)
async def download_refused(
    import_id: UUID,
    call: CallOf,
    wished: Wished = None,
    accept: Accept = "",
    accept_language: AcceptLanguage = "",
) -> Response:
    """Download the refused rows in their own columns, with the reasons in one more.

    Mend them in that file and send it again with the same profile: the column of reasons is not
    read.
    """
    job = await call.read(queries.one, import_id, whose(call))
    language = language_of(accept_language)
    own = Format(job.reading.get("format", "csv"))
    form = own if wished is None and "/*" in (accept or "*/*") else format_wished(wished, accept)
    kept = [n for n, name in enumerate(job.header) if name not in REASONS.values()]
    header = [*(job.header[n] for n in kept), REASONS[language]]
    return download(f"refused-{job.id}", form, header, _refused(call, job, kept, language))


async def _refused(
    call: Call, job: Job, kept: Sequence[int], language: Language
) -> AsyncIterator[Sequence[Sequence[Cell]]]:
    after = 0
    while found := await call.read(queries.refused, job.id, after, ROWS_AT_ONCE):
        yield [_line(result, kept, language) for result in found]
        after = found[-1].number


def _line(result: RowResult, kept: Sequence[int], language: Language) -> list[Cell]:
    cells = result.cells or ()
    own = [cells[place] if place < len(cells) else None for place in kept]
    return [*own, reasons(result.problems, language)]


def importer_of(request: Request, noun: str) -> Importer:
    """Return what imports a noun; raises NounNotImportable."""
    importers: Mapping[str, Importer] = request.app.state.importers
    if noun not in importers:
        raise NounNotImportable(noun=noun, nouns=sorted(importers) or "–", pointer="?noun")
    return importers[noun]


def whose(call: Call) -> str | None:
    """Return whose operations the caller sees: the own ones, or everybody's for None."""
    return None if SEES_ALL in call.principal.permissions else call.principal.subject


def accepted(request: Request, job: Job, language: Language) -> Response:
    """Answer that the work is taken on, and where to see how it goes."""
    root = request.scope.get("root_path", "")
    return Response(
        OperationView.of(job, language).model_dump_json(),
        202,
        {"Location": f"{root}/v1/operations/{job.id}", "Vary": "Accept-Language"},
        media_type="application/json",
    )


def _after(cursor: str | None) -> int:
    place = decode(cursor, 1)
    if place is None:
        return 0
    return int(place[0]) if place[0].isdecimal() and len(place[0]) < 18 else 0
