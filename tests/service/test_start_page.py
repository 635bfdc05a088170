"""The start page without a browser: its files, its policy, and what it tells nobody."""

import re

import httpx
import pytest

from deploy.installation import SERVICES
from deploy.local.start.page import HERE, POLICY, StartPage


async def answered(path: str, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(StartPage(SERVICES))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8700") as client:
        return await client.get(path, headers=headers)


@pytest.mark.parametrize(
    ("path", "accepted", "language"),
    [
        ("/", "", "en"),
        ("/", "zh-CN,zh", "zh"),
        ("/?lang=zh", "en", "zh"),
        ("/?lang=xx", "en", "en"),
    ],
)
async def test_the_page_is_in_the_language_of_the_reader(
    path: str, accepted: str, language: str
) -> None:
    page = await answered(path, **{"Accept-Language": accepted})
    assert page.headers["content-language"] == language
    assert f'<html lang="{ {"en": "en", "zh": "zh-Hans"}[language] }">' in page.text


async def test_every_file_that_a_file_names_is_there_with_a_strict_policy() -> None:
    for file in HERE.iterdir():
        text = file.read_text(encoding="utf-8")
        named = re.findall(r'(?:src|href)="(/start/[^"]+)"', text)
        named += [f"/start/{name}" for name in re.findall(r'from "\./([^"]+)"', text)]
        for path in named:
            answer = await answered(path)
            assert answer.status_code == 200, path
            assert answer.headers["content-security-policy"] == POLICY
            again = await answered(path, **{"If-None-Match": answer.headers["etag"]})
            assert again.status_code == 304


async def test_no_secret_and_no_inline_script_is_in_the_page() -> None:
    page = (await answered("/")).text
    assert "secret" not in page
    assert re.findall(r"<script(?![^>]*src=)", page) == []
    assert "unsafe" not in POLICY


def test_every_word_of_the_page_is_there_in_both_languages() -> None:
    text = (HERE / "words.js").read_text(encoding="utf-8")
    english, chinese = text.split("\n  zh: {")
    words = re.compile(r"(?:^|[{,]|\n) *(\w+): \"")
    assert words.findall(english) == words.findall(chinese)
    assert len(words.findall(english)) > 50


@pytest.mark.parametrize("path", ["/start/index.html", "/start/..%2Fpage.py", "/start/none.js"])
async def test_nothing_else_is_served(path: str) -> None:
    assert (await answered(path)).status_code == 404


async def test_the_problems_of_the_runner_are_explained() -> None:
    assert "service_not_mounted" in (await answered("/problems")).text
    assert (await answered("/problems/service_not_running")).status_code == 200
    assert (await answered("/problems/other")).status_code == 404
