"""Routes of what a service tells of itself."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Final, Literal

import orjson
from fastapi import FastAPI, Path, Query, Request
from fastapi.responses import Response

from shared.errors import Language, NotFound
from shared.field_words import Words
from shared.fields import Code, View
from shared.http.documents import asyncapi, openapi, problem_pages
from shared.http.documents.media import prefers_html
from shared.http.documents.openapi import Described
from shared.http.documents.problem_types import ProblemType, problem_types
from shared.http.problems import language_of
from shared.http.routes import PUBLIC, needs, routes

router = routes(
    "documents", "What the service tells of itself, for people and for tools.", prefix=""
)

_DOCUMENT: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The document.",
        "headers": {"ETag": {"$ref": "#/components/headers/ETag"}},
        "content": {"application/json": {"schema": {"type": "object"}}},
    },
    304: {"description": "It is the one that `If-None-Match` names."},
}
Lang = Annotated[
    Literal["en", "zh"] | None,
    Query(description="The language of the page; left out: by Accept-Language."),
]


class ProblemTypeNotFound(NotFound):
    """No problem of this service has the code."""

    en = "This service has no problem {code}. GET /problems lists all that it has."
    zh = "本服务没有问题类型 {code}，可通过 GET /problems 查看全部。"


class BothLanguages(View):
    """A text in both languages."""

    en: str
    zh: str

    @classmethod
    def of(cls, words: Words) -> "BothLanguages":
        """Return both texts."""
        return cls(en=words.en, zh=words.zh)


class ProblemTypeView(View):
    """A problem type. Braces in `detail` stand for facts of the case, such as an id."""

    type: str
    code: str
    status: int
    retryable: bool
    title: BothLanguages
    detail: BothLanguages
    advice: BothLanguages

    @classmethod
    def of(cls, problem: ProblemType, below: str) -> "ProblemTypeView":
        """Return the view of a problem type; ``below`` is where the service is reached."""
        return cls(
            type=f"{below}/problems/{problem.code}",
            code=problem.code,
            status=problem.status,
            retryable=problem.retryable,
            title=BothLanguages.of(problem.title),
            detail=BothLanguages.of(problem.text),
            advice=BothLanguages.of(problem.advice),
        )


class ProblemTypesView(View):
    """Every problem type of a service, by code."""

    items: list[ProblemTypeView]


@dataclass(frozen=True, slots=True)
class Written:
    """A document as it goes out, with its ETag."""

    body: bytes
    etag: str

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Written":
        """Return a document as it goes out."""
        body = orjson.dumps(document)
        return cls(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')

    def response(self, request: Request) -> Response:
        """Return the document, or 304 to whoever has it already."""
        headers = {"ETag": self.etag, "Cache-Control": "no-cache"}
        if self.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(self.body, media_type="application/json", headers=headers)


class Documents:
    """The descriptions of a service, made when they are first asked for."""

    def __init__(self, app: FastAPI, described: Described) -> None:
        self._app = app
        self._described = described

    async def openapi_document(self) -> Mapping[str, Any]:
        """Return the OpenAPI document as it is before it is written."""
        return await asyncio.to_thread(lambda: self._openapi)

    @cached_property
    def _openapi(self) -> Mapping[str, Any]:
        return openapi.describe(self._app, self._described)

    @cached_property
    def openapi(self) -> Written:
        """The OpenAPI document."""
        return Written.of(self._openapi)

    @cached_property
    def asyncapi(self) -> Written:
        """The AsyncAPI document."""
        told = self._described
        document = asyncapi.describe(told.name, told.title, told.installation, told.subscriptions)
        return Written.of(document)


@router.get("/problems", openapi_extra=needs(PUBLIC), response_model=ProblemTypesView)
async def list_problem_types(request: Request, lang: Lang = None) -> Response:
    """List everything that this service answers instead of a success.

    JSON for programs; a page, in English or Chinese, for whoever prefers `text/html`.
    """
    found = _known(request)
    if prefers_html(request.headers.get("accept", "")):
        service = request.app.state.service
        return problem_pages.index(service, found.values(), _language(request, lang))
    below = request.app.state.below
    views = [ProblemTypeView.of(problem, below) for problem in found.values()]
    return _json(ProblemTypesView(items=views))


@router.get("/problems/{code}", openapi_extra=needs(PUBLIC), response_model=ProblemTypeView)
async def read_problem_type(
    request: Request, code: Annotated[Code, Path()], lang: Lang = None
) -> Response:
    """Explain a problem: this is where the `type` of every problem leads.

    JSON for programs; a page, in English or Chinese, for whoever prefers `text/html`.
    """
    problem = _known(request).get(code)
    if problem is None:
        raise ProblemTypeNotFound(code=code, pointer="/code")
    if prefers_html(request.headers.get("accept", "")):
        return problem_pages.one(problem, _language(request, lang))
    return _json(ProblemTypeView.of(problem, request.app.state.below))


@router.get(
    "/v1/openapi.json", openapi_extra=needs(PUBLIC), response_model=None, responses=_DOCUMENT
)
async def read_openapi(request: Request) -> Response:
    """Return this description of the HTTP API, in OpenAPI 3.1."""
    documents: Documents = request.app.state.documents
    written = await asyncio.to_thread(lambda: documents.openapi)
    return written.response(request)


@router.get(
    "/v1/asyncapi.json", openapi_extra=needs(PUBLIC), response_model=None, responses=_DOCUMENT
)
async def read_asyncapi(request: Request) -> Response:
    """Return the description of the events that the service tells and hears, in AsyncAPI 3."""
    documents: Documents = request.app.state.documents
    return documents.asyncapi.response(request)


def _known(request: Request) -> Mapping[str, ProblemType]:
    return problem_types(request.app.state.service)


def _language(request: Request, lang: Language | None) -> Language:
    return lang or language_of(request.headers.get("accept-language", ""))


def _json(view: View) -> Response:
    return Response(
        view.model_dump_json(), media_type="application/json", headers={"Vary": "Accept"}
    )
