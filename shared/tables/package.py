"""The package of an XLSX file: a ZIP archive of XML parts, opened with a bound on everything."""

import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, Final, Protocol
from xml.parsers.expat import ExpatError, ParserCreate

from shared.tables.errors import FileBroken, FormatDiffers, FormatNotRead, UnpackedTooLarge
from shared.tables.model import Format, Limits

PIECE: Final = 65_536
SMALL: Final = 16_777_216
"""What an archive may always unpack to, however well it is packed; a small part has no more."""
DIRECTORY_MAX: Final = 1_048_576
_TAIL: Final = 65_557
_LOCAL, _END, _END_64 = b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x07"
_OLD_OFFICE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_FAULTS: Final = (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError)

Attributes = Mapping[str, str]


class Reader(Protocol):
    """Takes the elements of an XML part as they come, by their names without namespace."""

    def start(self, name: str, attributes: Attributes) -> None:
        """Take the start of an element."""

    def end(self, name: str) -> None:
        """Take the end of an element."""

    def text(self, text: str) -> None:
        """Take a piece of text."""


class Package:
    """An open archive; ``parts`` are the names in it."""

    def __init__(self, stream: BinaryIO, limits: Limits) -> None:
        size = _size(stream)
        _check_kind(stream)
        _check_directory(stream, size)
        try:
            self._archive = zipfile.ZipFile(stream)
        except (*_FAULTS, ValueError) as error:
            raise FileBroken(reason="ZIP") from error
        self._limits = limits
        self._left = min(limits.unpacked, max(SMALL, size * limits.packing))
        self.parts = frozenset(self._archive.namelist())

    def read(self, part: str, reader: Reader) -> Iterator[None]:
        """Give the elements of a part to a reader; yields after each piece of it.

        An archive says how large a part is unpacked, and no more than that is ever read of it.
        """
        if part not in self.parts:
            raise FileBroken(reason=part[-80:])
        self._left -= self._archive.getinfo(part).file_size
        if self._left < 0:
            raise UnpackedTooLarge(most=self._limits.unpacked, packing=self._limits.packing)
        feed = _parser(reader)
        try:
            with self._archive.open(part) as unpacked:
                while piece := unpacked.read(PIECE):
                    feed(piece)
                    yield
                feed(None)
                yield
        except (*_FAULTS, ExpatError, zlib.error) as error:
            raise FileBroken(reason=part[-80:]) from error

    def read_whole(self, part: str, reader: Reader) -> None:
        """Give all of a part to a reader."""
        for _ in self.read(part, reader):
            pass


class _Elements:
    """Collects the elements of a small part, without their text."""

    def __init__(self) -> None:
        self.found: list[tuple[str, Attributes]] = []

    def start(self, name: str, attributes: Attributes) -> None:
        self.found.append((name, attributes))

    def end(self, name: str) -> None:
        pass

    def text(self, text: str) -> None:
        pass


def elements(package: Package, part: str) -> list[tuple[str, Attributes]]:
    """Return the elements of a small part in their order, as name and attributes."""
    collected = _Elements()
    package.read_whole(part, collected)
    return collected.found


def _parser(reader: Reader) -> Callable[[bytes | None], object]:
    parser = ParserCreate(namespace_separator=" ")
    parser.buffer_text = True

    def start(name: str, attributes: dict[str, str]) -> None:
        named = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        reader.start(name.rpartition(" ")[2], named)

    def refuse(*_: object) -> None:
        # No honest workbook declares a document type; entities that grow are made there.
        raise FileBroken(reason="DOCTYPE")

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda name: reader.end(name.rpartition(" ")[2])
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = refuse
    return lambda piece: parser.Parse(piece or b"", piece is None)


def _size(stream: BinaryIO) -> int:
    return stream.seek(0, 2)


def _check_kind(stream: BinaryIO) -> None:
    stream.seek(0)
    start = stream.read(8)
    if start == _OLD_OFFICE:
        raise FormatNotRead
    if not start.startswith(_LOCAL):
        raise FormatDiffers(format=Format.XLSX.value.upper())


def _check_directory(stream: BinaryIO, size: int) -> None:
    """Refuse a directory of millions of entries before it is read into memory."""
    stream.seek(max(0, size - _TAIL))
    tail = stream.read(_TAIL)
    place = tail.rfind(_END)
    if place < 0 or place + 16 > len(tail):
        raise FileBroken(reason="ZIP")
    if int.from_bytes(tail[place + 12 : place + 16], "little") > DIRECTORY_MAX or _END_64 in tail:
        raise FileBroken(reason="ZIP64")
