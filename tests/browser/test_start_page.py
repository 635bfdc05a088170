"""The start page in a real browser: all is shown, in both languages, and nobody else asked."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from deploy.local.clients import DEMO_CLIENT
from deploy.local.place import throwaway_folder
from deploy.local.stack import Stack
from tests.browser.chromium import Browser, Page, browsing, found

LANGUAGES = {"en": "Overview", "zh-CN,zh;q=0.9": "概览"}


@pytest.fixture(scope="module")
async def stack() -> AsyncIterator[Stack]:
    if found() is None:
        pytest.skip("no Chromium is installed here")
    with throwaway_folder() as folder:
        async with Stack(folder, durable=False) as started:
            yield started


@pytest.fixture
async def browser(stack: Stack, tmp_path: Path) -> AsyncIterator[Browser]:
    assert stack.base_url
    async with browsing(found() or "", tmp_path) as running:
        yield running


async def opened(browser: Browser, stack: Stack, language: str = "en") -> Page:
    """Open the start page with the secret, as ``make run`` prints it, and get a token."""
    page = await browser.page(language)
    secret = stack.issuer.clients[DEMO_CLIENT].secret
    await page.go(f"{stack.base_url}/#key={secret}")
    await page.click("[data-role=admin]")
    await page.until("document.querySelector('.token.has')")
    return page


def must_be_clean(page: Page, stack: Stack) -> None:
    """Fail where the page complained or asked another host."""
    ours = urlsplit(stack.base_url).netloc
    others = {urlsplit(address).netloc for address in page.seen.requests} - {ours, ""}
    assert others == set()
    assert page.seen.complaints == []


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_part_is_shown_in_the_language_of_the_reader(
    browser: Browser, stack: Stack, language: str
) -> None:
    page = await opened(browser, stack, language)
    await page.until("document.querySelectorAll('.state.ready').length === 4")
    words = await page.tell("[...document.querySelectorAll('#places a')].map(a => a.textContent)")
    assert words[0] == LANGUAGES[language]
    assert "key=" not in await page.tell("location.href")
    for service in stack.services:
        await page.tell(f"location.hash = 'api/{service}'")
        await page.until(f"document.querySelector('#swagger').dataset.loaded === '{service}'")
        await page.until("document.querySelectorAll('#swagger .opblock').length > 10")
        title = await page.tell("document.querySelector('#swagger .title').textContent")
        assert title.startswith(f"Pharos {service}")
    await page.tell("location.hash = 'events'")
    await page.until("document.querySelectorAll('details.event').length > 20")
    must_be_clean(page, stack)


async def test_the_switch_shows_the_other_language(browser: Browser, stack: Stack) -> None:
    page = await opened(browser, stack)
    await page.click("#switch")
    await page.until("document.documentElement?.lang === 'zh-Hans'")
    await page.until("document.querySelector('#places a')?.textContent === '概览'")
    must_be_clean(page, stack)


async def test_events_appear_as_they_happen(browser: Browser, stack: Stack) -> None:
    page = await opened(browser, stack)
    await page.tell("location.hash = 'live'")
    await page.until("document.querySelectorAll('.lamp.listening').length === 4")
    token = stack.token(roles=["admin"])
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as client:
        address = f"{stack.base_url}/pipeline/v1/accounts"
        assert (await client.post(address, json={"name": "上海灯塔科技"})).status_code == 201
    await page.until("document.querySelector('#rows')?.textContent.includes('上海灯塔科技')")
    must_be_clean(page, stack)


async def test_a_request_is_tried_out_with_the_token_of_the_page(
    browser: Browser, stack: Stack
) -> None:
    page = await opened(browser, stack)
    await page.tell("location.hash = 'api/pipeline'")
    await page.until("document.querySelector('#swagger').dataset.loaded === 'pipeline'")
    await page.click("[id$='-list_accounts'] .opblock-summary-control")
    await page.until("document.querySelector(\"[id$='-list_accounts'] .parameters input\")")
    await page.click("[id$='-list_accounts'] .execute")
    await page.until(
        "document.querySelector(\"[id$='-list_accounts'] .live-responses-table .response"
        ' .response-col_status")?.textContent.startsWith("200")'
    )
    must_be_clean(page, stack)


async def test_without_the_secret_the_page_asks_for_it(browser: Browser, stack: Stack) -> None:
    page = await browser.page()
    await page.go(stack.base_url)
    await page.until("document.querySelector('#key')")
    must_be_clean(page, stack)
