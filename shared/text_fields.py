"""Text of hostile input: one line, a code, a note. Composed (NFC), stripped, visible, bounded."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final
from unicodedata import is_normalized, normalize

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from shared.field_words import refuse

NAME_LENGTH_MAX: Final = 200
CODE_LENGTH_MAX: Final = 64
REASON_LENGTH_MAX: Final = 500
NOTE_LENGTH_MAX: Final = 4000

# Controls, surrogates, noncharacters, and the overrides of writing direction that let a text read
# as something that it is not. Private-use characters stay: rare characters in Chinese names
# still travel as such.
_NONCHARACTERS: Final = "".join(
    chr(plane << 16 | last) for plane in range(1, 17) for last in (0xFFFE, 0xFFFF)
)
_SURROGATES: Final = r"\ud800-\udfff"
_ASTRAY: Final = rf"{_SURROGATES}\ufdd0-\ufdef\ufffe\uffff\u202a-\u202e\u2066-\u2069"
_LINE_BREAKS: Final = r"\u0085\u2028\u2029"
_REFUSED_IN_LINE: Final = rf"\u0000-\u001f\u007f-\u009f\u2028\u2029{_ASTRAY}"
_REFUSED_IN_NOTE: Final = rf"\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029{_ASTRAY}"
_LINE_FAULT: Final = re.compile(f"[{_REFUSED_IN_LINE}{_NONCHARACTERS}]")
_NOTE_FAULT: Final = re.compile(f"[{_REFUSED_IN_NOTE}{_NONCHARACTERS}]")
_ANY_BREAK: Final = re.compile(rf"\r\n?|[{_LINE_BREAKS}]")
# Characters that show nothing: cut off at both ends, so that what is left can be seen.
_UNSEEN: Final = frozenset(
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u200d\u200e\u200f"
    "\u2060\u2061\u2062\u2063\u2064\u2800\u3164\ufeff\uffa0"
)
_SPACES: Final = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
_ENDS: Final = _SPACES + "".join(sorted(_UNSEEN))


@dataclass(frozen=True, slots=True)
class _Text:
    """Annotation of a text type: stripped, 1 to `length_max` characters, cleaned."""

    length_max: int
    clean: Callable[[str, int], str]
    pattern: str
    example: str

    def __get_pydantic_core_schema__(
        self, _source: object, _handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        clean, length_max = self.clean, self.length_max
        return core_schema.no_info_after_validator_function(
            lambda text: clean(text, length_max),
            core_schema.str_schema(
                strict=True, strip_whitespace=True, min_length=1, max_length=length_max
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "pattern": self.pattern, "examples": [self.example]}


def _in_order(text: str) -> bool:
    """Whether the text can stay as it is, as nearly all text can."""
    return (
        text.isprintable()
        and is_normalized("NFC", text)
        and text[0] not in _UNSEEN
        and text[-1] not in _UNSEEN
    )


def _line(text: str, length_max: int) -> str:
    if _in_order(text):
        return text
    if _LINE_FAULT.search(text):
        refuse("text_control_character")
    return _tidy(text, length_max)


def _code(text: str, length_max: int) -> str:
    if not text.isprintable():
        refuse("code_not_printable")
    return _line(text, length_max)


def _note(text: str, length_max: int) -> str:
    """Text of many lines; every way to break a line becomes a line feed."""
    if _in_order(text.replace("\n", "").replace("\t", "")):
        return text
    text = _ANY_BREAK.sub("\n", text)
    if _NOTE_FAULT.search(text):
        refuse("note_control_character")
    return _tidy(text, length_max)


def _tidy(text: str, length_max: int) -> str:
    # The composed form of a few characters is longer than what was sent.
    text = normalize("NFC", text).strip(_ENDS)
    if not text:
        refuse("text_blank")
    if len(text) > length_max:
        refuse("text_too_long", max_length=length_max)
    return text


def _shown_as(refused: str) -> str:
    """The pattern in the schema; what matches it is taken (and leading spaces are, too).

    Without surrogates, which no text has there: the engines of Go and Rust refuse to hear of them.
    """
    refused = refused.replace(_SURROGATES, "")
    return rf"^[^\s{refused}][^{refused}]*$"


Name = Annotated[str, _Text(NAME_LENGTH_MAX, _line, _shown_as(_REFUSED_IN_LINE), "华东大区")]
"""One line, 1 to 200 characters."""
Code = Annotated[str, _Text(CODE_LENGTH_MAX, _code, _shown_as(_REFUSED_IN_LINE), "ERP-2025/0042")]
"""A code of another system or of the enterprise: printable, 1 to 64 characters."""
Reason = Annotated[
    str, _Text(REASON_LENGTH_MAX, _line, _shown_as(_REFUSED_IN_LINE), "客户更正了合同金额")
]
"""Why something is done: one line, 1 to 500 characters."""
Note = Annotated[
    str, _Text(NOTE_LENGTH_MAX, _note, _shown_as(_REFUSED_IN_NOTE), "客户要求三月底前交付。")
]
"""Free text of many lines, 1 to 4000 characters."""
