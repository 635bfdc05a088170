"""A file inside a form, as browsers and `curl -F` send it: read in pieces, like a bare one."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from shared.errors import Invalid

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

PLAIN: Final = {b"", b"7bit", b"8bit", b"binary"}


class FormBroken(Invalid):
    """A form that cannot be read to its end."""

    en = "The form cannot be read. Let the browser or `curl -F file=@name.csv` make it."
    zh = "无法读取该表单，请由浏览器或 `curl -F file=@name.csv` 生成。"


class FormHoldsNoFile(Invalid):
    """A form with something else in the place of the file."""

    en = "The form must hold one part, a file. Say everything else in the address."
    zh = "表单中只能有一个部分，即文件；其他参数请写在地址中。"


def file_of(content_type: str, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Return the file in a body: that of its one part where it is a form, else the body itself.

    Raises FormBroken; reading raises that too, and FormHoldsNoFile.
    """
    kind, options = parse_options_header(content_type)
    if not kind.startswith(b"multipart/"):
        return body
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise FormBroken
    try:
        return _Form(options[b"boundary"]).file(body)
    except FormParserError as error:
        raise FormBroken from error


class _Form:
    """Takes a form apart; what was read of the file lies in ``_read`` until it is fetched."""

    def __init__(self, boundary: bytes) -> None:
        found: MultipartCallbacks = {
            "on_part_begin": self._begin,
            "on_header_field": self._name,
            "on_header_value": self._value,
            "on_header_end": self._header,
            "on_headers_finished": self._check,
            "on_part_data": self._data,
            "on_end": self._end,
        }
        self._parser = MultipartParser(boundary, found)
        self._headers: dict[bytes, bytes] = {}
        self._header_name = self._header_value = b""
        self._parts = 0
        self._ended = False
        self._read: list[bytes] = []

    async def file(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the content of the file."""
        async for piece in body:
            try:
                self._parser.write(piece)
            except FormParserError as error:
                raise FormBroken from error
            for part in self._read:
                yield part
            self._read.clear()
        if not self._ended:
            raise FormBroken
        if self._parts == 0:
            raise FormHoldsNoFile

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > 1:
            raise FormHoldsNoFile

    def _name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _header(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _check(self) -> None:
        disposition, options = parse_options_header(self._headers.get(b"content-disposition"))
        if disposition != b"form-data" or b"filename" not in options:
            raise FormHoldsNoFile
        if self._headers.get(b"content-transfer-encoding", b"").strip().lower() not in PLAIN:
            raise FormBroken

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._read.append(data[start:end])

    def _end(self) -> None:
        self._ended = True
