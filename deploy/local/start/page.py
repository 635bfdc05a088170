"""The start page as an ASGI app: files of ours, those of Swagger UI, and nothing from elsewhere."""

import hashlib
from collections.abc import Sequence
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from deploy.local.clients import DEMO_CLIENT
from deploy.local.front import ServiceNotMounted, ServiceNotRunning
from shared.contracts.roles import ROLES
from shared.errors import Language
from shared.http.documents import problem_pages
from shared.http.documents.problem_types import of_error
from shared.http.problems import language_of

HERE: Final = Path(__file__).parent / "files"
_KINDS: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
_SWAGGER: Final = ("swagger-ui.css", "swagger-ui-bundle.js")
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SERVICE_ROLE: Final = "service"
_LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh")
_PROBLEMS: Final = {error.code: of_error(error) for error in (ServiceNotMounted, ServiceNotRunning)}


class StartPage:
    """Serves ``/``, the files below ``/start/`` and the problems of the runner itself."""

    def __init__(self, services: Sequence[str]) -> None:
        self._services = tuple(services)
        self._files = {file.name: file.read_bytes() for file in _all_files()}
        self._tags = {name: _tag(body) for name, body in self._files.items()}
        self._app = Starlette(
            routes=[
                Route("/", self._answer_page),
                Route("/start/{name}", self._answer_file),
                Route("/problems", self._answer_problems),
                Route("/problems/{code}", self._answer_problem),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self._app(scope, receive, send)

    async def _answer_page(self, request: Request) -> Response:
        language = _language(request)
        about = {
            "services": self._services,
            "roles": sorted(set(ROLES) - {_SERVICE_ROLE}),
            "client": DEMO_CLIENT,
            "swagger": all(name in self._files for name in _SWAGGER),
        }
        page = self._files["index.html"].decode()
        page = page.replace("{lang}", "zh-Hans" if language == "zh" else "en")
        page = page.replace("{about}", escape(orjson.dumps(about).decode()))
        return _answered(page.encode(), ".html", {"Content-Language": language})

    async def _answer_file(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self._files or name == "index.html":
            return Response(status_code=404)
        tag = {"ETag": self._tags[name]}
        if self._tags[name] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=tag)
        return _answered(self._files[name], Path(name).suffix, tag)

    async def _answer_problem(self, request: Request) -> Response:
        problem = _PROBLEMS.get(request.path_params["code"])
        if problem is None:
            return Response(status_code=404)
        return problem_pages.one(problem, _language(request))

    async def _answer_problems(self, request: Request) -> Response:
        return problem_pages.index("Pharos", _PROBLEMS.values(), _language(request))


def _language(request: Request) -> Language:
    asked = request.query_params.get("lang")
    if asked in _LANGUAGES:
        return asked
    return language_of(request.headers.get("accept-language", ""))


def _all_files() -> Sequence[Path]:
    """Return our files, and those of Swagger UI where its package is installed."""
    found = sorted(HERE.iterdir())
    package = find_spec("fastapi_swagger")  # looked for, not imported: only its files are wanted
    if package is not None and package.origin is not None:
        folder = Path(package.origin).parent / "resources"
        found += [folder / name for name in _SWAGGER if (folder / name).exists()]
    return found


def _answered(body: bytes, suffix: str, headers: dict[str, str]) -> Response:
    return Response(
        body,
        headers={
            "Content-Type": _KINDS[suffix],
            "Content-Security-Policy": POLICY,
            "Cache-Control": "no-cache",
            "Referrer-Policy": "no-referrer",
            "Vary": "Accept-Language",
            "X-Content-Type-Options": "nosniff",
            **headers,
        },
    )


def _tag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:24]}"'
