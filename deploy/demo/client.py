"""The public API as an outside client uses it: one address, one token, JSON in and out."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias
from urllib.parse import quote

import httpx

from deploy.local.clients import DEMO_CLIENT
from deploy.local.stack import Stack
from shared.fields import NUMBER_MAX
from shared.ids import new_id

Json: TypeAlias = dict[str, Any]

TIMEOUT_SECONDS = 60.0
PAGE = 200
BEYOND = NUMBER_MAX
"""A number behind which no feed has anything: it answers with its head alone."""


class DemoFailed(Exception):
    """Something did not come out as it should; the text is for the person at the terminal."""


class Api:
    """The four services below one address; whatever is refused raises DemoFailed."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def get(self, path: str, **query: str | int) -> Json:
        """Return what a GET answers."""
        return await self._ask("GET", path, params=query)

    async def post(self, path: str, body: object) -> Json:
        """Return what a POST answers; a repetition below would be the same request."""
        key = {"Idempotency-Key": str(new_id())}
        return await self._ask("POST", path, json=body, headers=key)

    async def put(self, path: str, body: object) -> Json:
        """Return what a PUT answers."""
        return await self._ask("PUT", path, json=body)

    async def patch(self, path: str, body: object) -> Json:
        """Change what is read before, and return what the PATCH answers."""
        known = {"If-Match": (await self._answer("GET", path)).headers["etag"]}
        return await self._ask("PATCH", path, json=body, headers=known)

    async def text(self, path: str) -> str:
        """Return an answer that is no JSON."""
        return (await self._answer("GET", path)).text

    async def items(self, path: str, **query: str | int) -> AsyncIterator[Json]:
        """Yield every item of a list, page by page."""
        more: Mapping[str, str] = {}
        while True:
            page = await self.get(path, limit=PAGE, **query, **more)
            for item in page["items"]:
                yield item
            if page["next"] is None:
                return
            more = {"cursor": page["next"]}

    async def head(self, service: str) -> int:
        """Return the number of a service's last event."""
        page = await self.get(f"/{service}/v1/events", after=BEYOND, limit=1)
        return int(page["head"])

    async def heads(self, services: Sequence[str]) -> dict[str, int]:
        """Return the number of the last event of each service."""
        return {service: await self.head(service) for service in services}

    async def _ask(self, method: str, path: str, **more: Any) -> Json:
        answer: Json = (await self._answer(method, path, **more)).json()
        return answer

    async def _answer(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            answer = await self._http.request(method, path, **more)
        except httpx.HTTPError as error:
            raise DemoFailed(f"{method} {path} got no answer: {error!r}.") from error
        if answer.is_error:
            raise DemoFailed(f"{method} {path} was refused: {_reason(answer)}")
        return answer


@asynccontextmanager
async def opened(stack: Stack) -> AsyncIterator[Api]:
    """Lend a client of a running stack, with a token that it got as any client does."""
    # The proxy of the environment is for other places than this machine.
    async with httpx.AsyncClient(
        base_url=stack.base_url, trust_env=False, timeout=TIMEOUT_SECONDS
    ) as http:
        secret = stack.issuer.clients[DEMO_CLIENT].secret
        form = {"grant_type": "client_credentials"}
        granted = await http.post("/issuer/token", data=form, auth=(DEMO_CLIENT, secret))
        if granted.is_error:
            raise DemoFailed(f"There is no token: {_reason(granted)}")
        http.headers["Authorization"] = f"Bearer {granted.json()['access_token']}"
        yield Api(http)


def segment(text: str) -> str:
    """Return a text as one segment of a path."""
    return quote(text, safe="")


def _reason(answer: httpx.Response) -> str:
    if "json" not in answer.headers.get("content-type", ""):
        return f"{answer.status_code}."
    problem = answer.json()
    faults = [
        f"{fault.get('pointer', fault.get('parameter'))}: {fault['detail']}"
        for fault in problem.get("errors", ())
    ]
    said = problem.get("detail") or problem.get("error_description") or ""
    return f"{answer.status_code} {said} {' '.join(faults)}".strip()
