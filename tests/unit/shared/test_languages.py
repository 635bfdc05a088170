"""Which of our two languages a caller gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.http.problems import language_of


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("*", "en"),
        ("zh", "zh"),
        ("zh-CN", "zh"),
        ("ZH-Hant-TW", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("en;q=0.5, zh;q=0.6", "zh"),
        ("fr-FR, zh;q=0.1", "zh"),
        ("zh;q=0", "en"),
        ("zh;q=0, en;q=0", "en"),
        ("de", "en"),
        ("zha", "en"),
        ("zh;q=abc", "zh"),
        (",;=,zh", "zh"),
    ],
)
def test_the_language_is_the_better_liked_of_ours(accepted: str, language: str) -> None:
    assert language_of(accepted) == language


@given(st.text(max_size=300))
def test_any_header_gives_a_language(accepted: str) -> None:
    assert language_of(accepted) in ("en", "zh")
