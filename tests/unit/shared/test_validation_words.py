"""Words for every fault that pydantic and the status of an answer know."""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

import pytest
from pydantic import BaseModel, ValidationError
from pydantic_core._pydantic_core import list_all_errors

from shared.errors import Kind, Language
from shared.http.status_words import TITLES, of_status
from shared.http.validation_words import CHOICES_LENGTH_MAX, fault

LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh")


@pytest.mark.parametrize("known", list_all_errors(), ids=lambda known: known["type"])
def test_every_fault_that_pydantic_knows_has_words(known: Mapping[str, Any]) -> None:
    error = {"type": known["type"], "loc": ("body", 3), "ctx": known.get("example_context")}
    for language in LANGUAGES:
        code, detail = fault(error, language)
        assert re.fullmatch("[a-z_]+", code)
        assert detail
        assert "{" not in detail
        assert bool(re.search("[\u4e00-\u9fff]", detail)) == (language == "zh")


def test_a_long_choice_is_cut_between_its_words() -> None:
    error = {"type": "enum", "loc": (), "ctx": {"expected": " or ".join(["'half_even'"] * 99)}}
    detail = fault(error, "en").detail
    assert len(detail) < CHOICES_LENGTH_MAX + 30
    assert detail.endswith("half_even, ….")


def test_choices_that_are_no_words_are_listed_too() -> None:
    class Numbers(BaseModel):
        digits: Literal[0, 2, 3]

    with pytest.raises(ValidationError) as caught:
        Numbers.model_validate({"digits": 1})
    (error,) = caught.value.errors()
    assert fault(dict(error), "en").detail == "Send one of: 0, 2, 3."


@pytest.mark.parametrize("status", [400, 404, 418, 429, 499, 500, 502, 503, 504])
def test_every_status_has_words(status: int) -> None:
    words = of_status(status)
    assert (words.code == "internal_error") == (status >= 500 and status != 503)


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_title_in_both_languages(kind: Kind) -> None:
    title = TITLES[kind]
    assert title.en.isascii()
    assert re.search("[\u4e00-\u9fff]", title.zh)
