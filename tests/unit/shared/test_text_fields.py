"""Text of hostile input: what is taken, what it becomes, what is refused."""

import re
from typing import Any, Final
from unicodedata import is_normalized, normalize

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter, ValidationError

from shared.fields import Code, Name, Note

Kind = TypeAdapter[Any]
NAME: Final[Kind] = TypeAdapter(Name)
CODE: Final[Kind] = TypeAdapter(Code)
NOTE: Final[Kind] = TypeAdapter(Note)


def refusal(kind: Kind, value: object) -> str:
    """The one error type that the value is refused with."""
    with pytest.raises(ValidationError) as caught:
        kind.validate_python(value)
    (error,) = caught.value.errors()
    return error["type"]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Acme", "Acme"),
        ("  华东大区\u3000", "华东大区"),
        ("Cafe\u0301", "Café"),
        ("\ufeff编号\u200b", "编号"),
        ("A\u00a0B", "A\u00a0B"),
        ("👩\u200d💻 团队", "👩\u200d💻 团队"),
        ("某\ue863某", "某\ue863某"),  # private use: how some rare names are still written
        ("x" * 200, "x" * 200),
        (" " * 50 + "长" * 200, "长" * 200),
    ],
)
def test_a_name_is_one_composed_visible_line(sent: str, kept: str) -> None:
    assert NAME.validate_python(sent) == kept


@pytest.mark.parametrize(
    ("sent", "refused"),
    [
        ("", "string_too_short"),
        (" \n\t", "string_too_short"),
        ("\u200b\u2060", "text_blank"),
        ("\u3164", "text_blank"),
        ("x" * 201, "string_too_long"),
        ("\U0001d160" * 100, "text_too_long"),  # composed, each is three characters
        ("a\x00b", "text_control_character"),
        ("a\nb", "text_control_character"),
        ("a\x7fb", "text_control_character"),
        ("a\u0085b", "text_control_character"),
        ("a\u2028b", "text_control_character"),
        ("a\u202eb", "text_control_character"),
        ("a\ufdd0b", "text_control_character"),
        ("a\U0010ffffb", "text_control_character"),
        ("a\ud800b", "string_unicode"),
        (b"Acme", "string_type"),
        (7, "string_type"),
    ],
)
def test_other_names_are_refused(sent: object, refused: str) -> None:
    assert refusal(NAME, sent) == refused


@pytest.mark.parametrize("sent", ["ERP-2025/0042", " 编号 7 ", "A_b.c:d"])
def test_a_code_is_printable(sent: str) -> None:
    assert CODE.validate_python(sent) == sent.strip()


@pytest.mark.parametrize(
    ("sent", "refused"),
    [
        ("a\u200bb", "code_not_printable"),
        ("a\tb", "code_not_printable"),
        ("x" * 65, "string_too_long"),
        ("\u3164", "text_blank"),
    ],
)
def test_other_codes_are_refused(sent: str, refused: str) -> None:
    assert refusal(CODE, sent) == refused


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("第一行\n\t第二行\n", "第一行\n\t第二行"),
        ("a\r\nb\rc\u2028d\u0085e", "a\nb\nc\nd\ne"),
        ("e\u0301\n", "é"),
        ("字" * 4000, "字" * 4000),
    ],
)
def test_a_note_has_lines_however_they_are_broken(sent: str, kept: str) -> None:
    assert NOTE.validate_python(sent) == kept


@pytest.mark.parametrize(
    ("sent", "refused"),
    [
        ("a\x00b", "note_control_character"),
        ("a\x1bb", "note_control_character"),
        ("a\u2066b", "note_control_character"),
        ("\n\n", "string_too_short"),
        ("\u200b\n\u200b", "text_blank"),
        ("字" * 4001, "string_too_long"),
    ],
)
def test_other_notes_are_refused(sent: str, refused: str) -> None:
    assert refusal(NOTE, sent) == refused


@pytest.mark.parametrize("kind", [NAME, CODE, NOTE])
@given(text=st.text(max_size=300))
@example(text="\u0344" * 100)
@example(text=" \u200b \u0301x")
def test_what_is_taken_is_clean_and_stays_as_it_is(kind: Kind, text: str) -> None:
    try:
        kept = kind.validate_python(text)
    except ValidationError:
        return
    assert kept.strip() == kept != ""
    assert is_normalized("NFC", kept)
    assert len(kept) <= 4000
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", kept)
    assert kind.validate_python(kept) == kept


@given(text=st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=60))
def test_ordinary_text_is_always_taken(text: str) -> None:
    composed = normalize("NFC", text).strip("\u3164\u115f\u1160\uffa0")
    if composed and len(composed) <= 200:
        assert NAME.validate_python(text) == composed


@pytest.mark.parametrize("kind", [NAME, CODE, NOTE])
@given(st.text(max_size=9), st.sampled_from("\x00\x1f\x7f\u2028\u202e\ufdd0"), st.text(max_size=9))
def test_text_with_a_refused_character_does_not_fit_the_pattern(
    kind: Kind, before: str, refused: str, after: str
) -> None:
    text = before + refused + after
    assert not Draft202012Validator(kind.json_schema()).is_valid(text)
