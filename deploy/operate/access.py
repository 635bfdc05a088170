"""How the operators' commands reach an installation: addresses, and a token of their own."""

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import httpx

from deploy.installation import SERVICES
from deploy.local.account import unprivileged_account
from deploy.local.clients import DEMO_CLIENT, kept_clients
from deploy.local.place import ADDRESS, settle
from deploy.operate.words import Language, Told, sentence
from shared.fields import NUMBER_MAX

Json: TypeAlias = dict[str, Any]

VARIABLES = ("PHAROS_SERVICES", "PHAROS_TOKEN_URL", "PHAROS_CLIENT_ID", "PHAROS_CLIENT_SECRET")
TIMEOUT_SECONDS = 30.0
PAGE = 200
BEYOND = NUMBER_MAX
"""A number behind which no feed has anything: it answers with its head alone."""


@dataclass(frozen=True, slots=True)
class Access:
    """Where the services are, and who asks; ``option`` is what makes a command reach them too."""

    services: Mapping[str, str]
    token_url: str
    client_id: str
    client_secret: str
    language: Language
    option: str = ""


class Refused(Told):
    """A service's refusal; ``status`` is that of its answer, 0 where there was none."""

    def __init__(self, text: str, status: int, reason: str) -> None:
        super().__init__(text)
        self.status = status
        self.reason = reason


def access_to(data: Path | None, language: Language) -> Access:
    """Return the way into a local run, or the one that the environment names; raises Told."""
    if data is not None:
        return _local(data, language)
    given = [os.environ.get(name, "") for name in VARIABLES]
    if not all(given):
        raise Told(sentence(language, "not_told", names=", ".join(VARIABLES)))
    try:
        services = {str(name): str(url).rstrip("/") for name, url in json.loads(given[0]).items()}
    except (ValueError, AttributeError):
        raise Told(sentence(language, "services_unreadable")) from None
    return Access(services, given[1], given[2], given[3], language)


def _local(data: Path, language: Language) -> Access:
    folder = data
    if data.exists():
        folder = settle(data, unprivileged_account(), lambda _: None)
    address = folder / ADDRESS
    if not address.exists():
        raise Told(sentence(language, "nothing_runs", folder=folder))
    url = address.read_text(encoding="utf-8").strip()
    client = kept_clients(folder / "secrets" / "clients.json")[DEMO_CLIENT]
    services = {name: f"{url}/{name}" for name in SERVICES}
    option = f" --data {data}"
    return Access(services, f"{url}/issuer/token", DEMO_CLIENT, client.secret, language, option)


class Services:
    """The services as an operator's client sees them; whatever is refused raises Refused."""

    def __init__(self, http: httpx.AsyncClient, access: Access) -> None:
        self._http = http
        self.access = access

    def say(self, key: str, **facts: object) -> str:
        """Return a sentence in the language of the terminal."""
        return sentence(self.access.language, key, **facts)

    def named(self, service: str | None) -> list[str]:
        """Return that service, or all; raises Told for a name that is none."""
        if service is None:
            return list(self.access.services)
        if service not in self.access.services:
            names = ", ".join(self.access.services)
            raise Told(self.say("unknown_service", service=service, names=names))
        return [service]

    async def get(self, service: str, path: str, **query: str | int | None) -> Json:
        """Return what a GET answers; what is None is not asked."""
        asked = {name: value for name, value in query.items() if value is not None}
        return self._body(service, path, await self._answer(service, "GET", path, params=asked))

    async def text(self, service: str, path: str) -> str:
        """Return an answer that is no JSON."""
        return (await self._answer(service, "GET", path)).text

    async def post(self, service: str, path: str, body: object = None) -> Json:
        """Return what a POST answers."""
        return self._body(service, path, await self._answer(service, "POST", path, json=body))

    async def items(
        self, service: str, path: str, **query: str | int | None
    ) -> AsyncIterator[Json]:
        """Yield every item of a list, page by page."""
        cursor: str | None = None
        while True:
            page = await self.get(service, path, limit=PAGE, cursor=cursor, **query)
            for item in page["items"]:
                yield item
            cursor = page["next"]
            if cursor is None:
                return

    async def head(self, service: str, partition: int) -> int:
        """Return the number of the last event in a service's log."""
        page = await self.get(service, "/v1/events", after=BEYOND, limit=1, partition=partition)
        return int(page["head"])

    async def readiness(self, service: str) -> Json:
        """Return what readiness says, whatever its status."""
        url = self.access.services[service]
        try:
            answer = await self._http.get(f"{url}/health/ready")
        except httpx.HTTPError as error:
            raise self._silent(service, error) from error
        return self._body(service, "/health/ready", answer)

    def _body(self, service: str, path: str, answer: httpx.Response) -> Json:
        """Return what was answered; somebody else than the service may have."""
        try:
            body: Json = answer.json()
        except ValueError as error:
            reason = f"{answer.status_code}, no JSON."
            text = self.say("refused", service=service, path=path, reason=reason)
            raise Refused(text, answer.status_code, reason) from error
        return body

    async def _answer(self, service: str, method: str, path: str, **more: Any) -> httpx.Response:
        (service,) = self.named(service)
        url = self.access.services[service]
        try:
            answer = await self._http.request(method, f"{url}{path}", **more)
        except httpx.HTTPError as error:
            raise self._silent(service, error) from error
        if answer.is_error:
            reason = _reason(answer)
            text = self.say("refused", service=service, path=path, reason=reason)
            raise Refused(text, answer.status_code, reason)
        return answer

    def _silent(self, service: str, error: httpx.HTTPError) -> Refused:
        reason, url = str(error) or type(error).__name__, self.access.services[service]
        return Refused(self.say("no_answer", service=service, url=url, reason=reason), 0, reason)


@asynccontextmanager
async def opened(access: Access) -> AsyncIterator[Services]:
    """Lend the services, with a token; raises Told where the issuer gives none."""
    headers = {"Accept-Language": access.language}
    # The proxy of the environment is for other places than an installation of ours.
    async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=TIMEOUT_SECONDS) as http:
        try:
            granted = await http.post(
                access.token_url,
                data={"grant_type": "client_credentials"},
                auth=(access.client_id, access.client_secret),
            )
            granted.raise_for_status()
            http.headers["Authorization"] = f"Bearer {granted.json()['access_token']}"
        except (httpx.HTTPError, ValueError, KeyError) as error:
            reason = str(error) or type(error).__name__
            text = sentence(access.language, "no_token", url=access.token_url, reason=reason)
            raise Told(text) from error
        yield Services(http, access)


def _reason(answer: httpx.Response) -> str:
    if "json" not in answer.headers.get("content-type", ""):
        return f"{answer.status_code}."
    return str(answer.json().get("detail") or answer.status_code)
