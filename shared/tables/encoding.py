"""The encoding of a text file: by its mark, else by what all of its bytes can be."""

import codecs
from typing import BinaryIO, Final

from shared.tables.errors import EncodingUnknown

SAMPLE: Final = 4_096
PIECE: Final = 1_048_576
ENCODINGS: Final = ("utf-8", "utf-16-le", "utf-16-be", "gb18030")
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"\x84\x31\x95\x33", "gb18030"),  # U+FEFF in GB18030
)
MARK: Final = "\ufeff"


def encoding_of(stream: BinaryIO) -> str:
    """Return the name of the codec of a text file; leaves the stream at its start.

    Without a mark, text in which every other byte is mostly NUL is UTF-16; text that is valid
    UTF-8 to its last byte is UTF-8; text that is valid GB18030 is that. A Latin-1 file is none of
    these, or reads as wrong Chinese: it must be converted before. Raises EncodingUnknown.
    """
    stream.seek(0)
    sample = stream.read(SAMPLE)
    stream.seek(0)
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return name
    if (wide := _wide(sample)) is not None:
        return wide
    position = 0
    for name in ("utf-8", "gb18030"):
        fault = _fault(stream, name)
        if fault is None:
            return name
        position = max(position, fault)
    raise EncodingUnknown(position=position)


def _wide(sample: bytes) -> str | None:
    """Return the order of UTF-16 without a mark: its separators and digits have a NUL each."""
    pairs = len(sample) // 2
    if pairs == 0 or (len(sample) % 2 and len(sample) < SAMPLE):
        return None
    first, second = sample[0::2].count(0), sample[1::2].count(0)
    if second * 4 > pairs and first * 20 < second:
        return "utf-16-le"
    if first * 4 > pairs and second * 20 < first:
        return "utf-16-be"
    return None


def _fault(stream: BinaryIO, encoding: str) -> int | None:
    """Return the number of the first byte that is not of this encoding, None when all are."""
    stream.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    begin = 0
    try:
        while piece := stream.read(PIECE):
            decoder.decode(piece)
            begin += len(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return begin + error.start + 1
    finally:
        stream.seek(0)
    return None
