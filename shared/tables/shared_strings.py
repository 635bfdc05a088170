"""The shared strings of a workbook: on disk when there are many, found by their number."""

import tempfile
from array import array
from typing import Final

from shared.tables.errors import CellTooLong
from shared.tables.model import Limits
from shared.tables.package import Attributes

IN_MEMORY: Final = 8_388_608


class SharedStrings:
    """Reads the part of shared strings, and then gives them out."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._kept = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 (open while it is used)
        self._ends = array("Q", [0])
        self._pieces: list[str] = []
        self._length = 0
        self._within = False
        self._aside = 0

    def __getitem__(self, number: int) -> str:
        """Return a string; raises IndexError."""
        if not 0 <= number < len(self._ends) - 1:
            raise IndexError(number)
        begin = self._ends[number]
        self._kept.seek(begin)
        return self._kept.read(self._ends[number + 1] - begin).decode()

    def start(self, name: str, attributes: Attributes) -> None:  # noqa: ARG002 (a Reader)
        """Take the start of an element."""
        if name == "t":
            self._within = not self._aside
        elif name == "rPh":  # how it is spoken, which is no part of the text
            self._aside += 1

    def end(self, name: str) -> None:
        """Take the end of an element."""
        if name == "t":
            self._within = False
        elif name == "rPh":
            self._aside -= 1
        elif name == "si":
            written = "".join(self._pieces).encode("utf-8", "replace")
            self._kept.write(written)
            self._ends.append(self._ends[-1] + len(written))
            self._pieces.clear()
            self._length = 0

    def text(self, text: str) -> None:
        """Take a piece of text."""
        if self._within:
            self._pieces.append(text)
            self._length += len(text)
            if self._length > self._limits.cell_length:
                # Excel keeps the texts apart from the rows: which row it is, nobody can say.
                raise CellTooLong(row="?", most=self._limits.cell_length)

    def close(self) -> None:
        """Let go of the file."""
        self._kept.close()
