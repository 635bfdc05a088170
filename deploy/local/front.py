"""One port for everything: requests go to the service whose name begins their path."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import NotFound, PharosError, Unavailable
from shared.http.problems import language_of, problem
from shared.ids import new_id

Lookup = Callable[[], ASGIApp | None]
"""Gives the app that serves a prefix at this moment, None while there is none."""


class ServiceNotMounted(NotFound):
    """No service has this path."""

    en = "Nothing is served at this path. It must begin with one of: {prefixes}."
    zh = "该路径没有对应的服务，路径必须以下列之一开头：{prefixes}。"


class ServiceNotRunning(Unavailable):
    """The service starts, stops, or does not answer."""

    en = "The service {service} does not answer at the moment. Send the same request again."
    zh = "服务 {service} 暂时没有响应，请重新发送同一请求。"


class Front:
    """The outermost app. What it serves may come and go while it runs; ``own`` is always there."""

    def __init__(
        self, mounted: Mapping[str, Lookup], own: Mapping[str, ASGIApp] = MappingProxyType({})
    ) -> None:
        self._mounted = mounted
        self._own = own

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer with a problem: 404, or 503 while nobody is there."""
        name = scope["path"][1:].partition("/")[0]
        lookup = self._mounted.get(name)
        app = lookup() if lookup is not None else self._own.get(name)
        if app is not None:
            await app(scope, receive, send)
            return
        error: PharosError = ServiceNotRunning(service=name)
        if lookup is None:
            error = ServiceNotMounted(
                prefixes=", ".join(f"/{mounted}" for mounted in self._mounted)
            )
        await refuse(error, scope, send)


async def refuse(error: PharosError, scope: Scope, send: Send) -> None:
    """Answer with a problem that has an id of its own, in the language that the caller prefers."""
    language = language_of(Headers(scope=scope).get("accept-language", ""))
    request_id = new_id().hex
    answer = problem(error, language, request_id)
    answer.headers["x-request-id"] = request_id
    await answer(scope, _nothing, send)


async def _nothing() -> Message:
    return {"type": "http.disconnect"}
