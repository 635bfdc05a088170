"""Downloads: a table that is written while it is read, with flat memory at any length.

Once the first bytes are out, a failure can only cut the connection: chunked answers have an end,
and one that lacks it is no whole file.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated, Any, Final, TypeAlias
from urllib.parse import quote

from fastapi import Header, Query
from fastapi.responses import StreamingResponse

from shared.errors import Invalid
from shared.tables.model import Cell, Format
from shared.tables.writing import MEDIA_TYPES, writer_of

Rows: TypeAlias = AsyncIterator[Sequence[Sequence[Cell]]]

_ACCEPTED: Final = {kind.split(";")[0]: form for form, kind in MEDIA_TYPES.items()}

Wished = Annotated[
    Format | None,
    Query(alias="format", description="Left out: by the `Accept` header, else CSV."),
]
Accept = Annotated[str, Header(max_length=1_000)]
Mark = Annotated[
    bool | None,
    Query(alias="bom", description="`false`: CSV without the byte order mark that Excel needs."),
]


SHOWN: Final[Mapping[Format, str]] = {
    Format.CSV: "id,name\r\n0195e7a0-5b7c-7d7e-9c1a-3f2b8e6d4c10,华东大区\r\n",
    Format.XLSX: "(a workbook with one sheet)",
    Format.NDJSON: '{"id":"0195e7a0-5b7c-7d7e-9c1a-3f2b8e6d4c10","name":"华东大区"}\n',
}
FILES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The file.",
        "content": {
            kind.split(";")[0]: {
                "schema": {"type": "string", "format": "binary"},
                "examples": {"file": {"summary": "A file", "value": SHOWN[form]}},
            }
            for form, kind in MEDIA_TYPES.items()
        },
    }
}
"""What a route that answers with a file says of its answers."""


class FormatNotWritten(Invalid):
    """None of the wanted formats is written."""

    en = "Ask for csv, xlsx or ndjson."
    zh = "请选择 csv、xlsx 或 ndjson 格式。"


def format_wished(wished: Format | None, accept: str) -> Format:
    """Return the format that is asked for; raises FormatNotWritten."""
    if wished is not None:
        return wished
    for part in accept.split(","):
        kind = part.split(";")[0].strip().lower()
        if kind in _ACCEPTED:
            return _ACCEPTED[kind]
        if kind in {"", "*/*", "text/*", "application/json"}:
            return Format.CSV
    raise FormatNotWritten(pointer="?format")


def download(
    name: str, form: Format, header: Sequence[str], rows: Rows, *, mark: bool = True
) -> StreamingResponse:
    """Answer with a table as a file of this name; ``rows`` come in pieces."""
    return stream(name, form, _written(form, header, rows, mark=mark))


def stream(name: str, form: Format, content: AsyncIterator[bytes]) -> StreamingResponse:
    """Answer with a file of this name; its content comes in pieces."""
    file = quote(f"{name}.{form.value}")
    return StreamingResponse(
        content,
        media_type=MEDIA_TYPES[form],
        headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{file}",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


async def _written(
    form: Format, header: Sequence[str], rows: Rows, *, mark: bool
) -> AsyncIterator[bytes]:
    writer = writer_of(form, header, mark=mark)
    async for piece in rows:
        if written := writer.write(piece):
            yield written
    yield writer.end()
