"""A headless Chromium, spoken to over a pipe in its own protocol: no driver, no port."""

import asyncio
import base64
import itertools
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SECONDS_MAX = 40
# The protocol wants the file descriptors 3 and 4, which may be taken by what is to be put there.
_LAUNCH = """
import fcntl, os, sys
reads, writes = (fcntl.fcntl(int(one), fcntl.F_DUPFD, 10) for one in sys.argv[1:3])
os.dup2(reads, 3)
os.dup2(writes, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
MESSAGE_MAX = 64 * 1024 * 1024


def found() -> str | None:
    """Return the browser of this machine, None when it has none; PHAROS_CHROMIUM names another."""
    named = os.environ.get("PHAROS_CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


class PageFailed(Exception):
    """A script in the page threw, or what was waited for did not come."""


@dataclass
class Seen:
    """What a page did: which addresses it asked for, and what it complained of."""

    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def note(self, method: str, told: Json) -> None:
        """Remember an event of the browser."""
        match method:
            case "Network.requestWillBeSent":
                self.requests.append(told["request"]["url"])
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(told["exceptionDetails"])[:600])
            case "Runtime.consoleAPICalled" if told["type"] in {"error", "assert"}:
                self.complaints.append(json.dumps(told["args"])[:600])
            case "Log.entryAdded" if told["entry"]["level"] == "error":
                self.complaints.append(json.dumps(told["entry"])[:600])


class Page:
    """One tab."""

    def __init__(self, browser: "Browser", session: str) -> None:
        self.seen = Seen()
        self._browser = browser
        self._session = session
        browser.sessions[session] = self.seen

    async def ask(self, method: str, **parameters: object) -> Json:
        """Send a command of the protocol and return its answer."""
        return await self._browser.ask(method, parameters, self._session)

    async def go(self, address: str) -> None:
        """Open an address and wait until it is loaded."""
        await self.ask("Page.navigate", url=address)
        await self.until("document.readyState === 'complete'")

    async def tell(self, expression: str) -> Any:  # noqa: ANN401 (whatever the page has)
        """Return the value of an expression in the page; raises PageFailed."""
        answer = await self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise PageFailed(json.dumps(answer["exceptionDetails"])[:800])
        return answer["result"].get("value")

    async def until(self, expression: str) -> None:
        """Wait until an expression holds in the page, whatever page that is by then."""
        for _ in range(SECONDS_MAX * 20):
            if await self.tell(f"Boolean({expression})"):
                return
            await asyncio.sleep(0.05)
        raise PageFailed(f"never: {expression}")

    async def click(self, selector: str) -> None:
        """Click the first element that the selector finds, once there is one."""
        place = f"document.querySelector({json.dumps(selector)})"
        await self.until(place)
        await self.tell(f"{place}.click()")

    async def close(self) -> None:
        """Close the tab."""
        await self.ask("Page.close")

    async def picture(self, file: Path) -> None:
        """Write a picture of what is seen."""
        told = await self.ask("Page.captureScreenshot", format="png")
        file.write_bytes(base64.b64decode(told["data"]))


class Browser:
    """A browser that runs, and what waits for its answers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.WriteTransport) -> None:
        self.sessions: dict[str, Seen] = {}
        self._reader = reader
        self._writer = writer
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Json]] = {}

    async def hear(self) -> None:
        """Hand on what the browser says, until it says no more."""
        while True:
            try:
                told = json.loads((await self._reader.readuntil(b"\0"))[:-1])
            except asyncio.IncompleteReadError:
                break
            if "id" in told:
                self._waiting.pop(told["id"]).set_result(told)
            elif told.get("sessionId") in self.sessions:
                self.sessions[told["sessionId"]].note(told["method"], told["params"])
        for waiting in self._waiting.values():
            waiting.set_exception(PageFailed("the browser has gone"))

    async def ask(self, method: str, parameters: Json, session: str | None = None) -> Json:
        """Send a command and return its answer; raises PageFailed."""
        number = next(self._numbers)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        command = {"id": number, "method": method, "params": parameters}
        if session is not None:
            command["sessionId"] = session
        answering = self._waiting[number]
        self._writer.write(json.dumps(command).encode() + b"\0")
        async with asyncio.timeout(SECONDS_MAX):
            answer = await answering
        if "error" in answer:
            raise PageFailed(f"{method}: {answer['error']}")
        result: Json = answer["result"]
        return result

    async def page(self, language: str = "en", size: tuple[int, int] = (1280, 860)) -> Page:
        """Open a tab for a reader of a language."""
        target = (await self.ask("Target.createTarget", {"url": "about:blank"}))["targetId"]
        attached = await self.ask("Target.attachToTarget", {"targetId": target, "flatten": True})
        page = Page(self, attached["sessionId"])
        for domain in ("Page", "Runtime", "Network", "Log"):
            await page.ask(f"{domain}.enable")
        await page.ask("Network.setExtraHTTPHeaders", headers={"Accept-Language": language})
        await page.ask(
            "Emulation.setDeviceMetricsOverride",
            width=size[0],
            height=size[1],
            deviceScaleFactor=1,
            mobile=False,
        )
        return page


@asynccontextmanager
async def browsing(program: str, folder: Path) -> AsyncIterator[Browser]:
    """Run a browser with a profile of its own in a folder; it ends with the block."""
    loop = asyncio.get_running_loop()
    (theirs_in, ours_out), (ours_in, theirs_out) = os.pipe(), os.pipe()
    arguments = [
        *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
        *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
        *(
            "--disable-sync",
            "--disable-default-apps",
            "--hide-scrollbars",
            "--remote-debugging-pipe",
        ),
        f"--user-data-dir={folder / 'profile'}",
    ]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _LAUNCH, str(theirs_in), str(theirs_out), program, *arguments),
        pass_fds=(theirs_in, theirs_out),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    reader = asyncio.StreamReader(limit=MESSAGE_MAX)
    incoming, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(ours_in, "rb", 0)
    )
    outgoing, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(ours_out, "wb", 0))
    browser = Browser(reader, outgoing)
    hearing = asyncio.create_task(browser.hear())
    try:
        yield browser
        await browser.ask("Browser.close", {})
    finally:
        outgoing.close()
        incoming.close()
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
        if process.returncode is None:
            process.kill()
        await process.wait()
