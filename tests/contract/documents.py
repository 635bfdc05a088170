"""The documents of the services as the tests look at them: made without a database or a broker."""

import json
from functools import cache
from typing import Any, TypeAlias

import httpx
from fastapi import FastAPI
from pydantic import SecretStr

from deploy.installation import SERVICES
from deploy.serving import load
from shared.http.service import create_app
from shared.settings import ServiceSettings

Document: TypeAlias = dict[str, Any]

__all__ = ["SERVICES", "Document", "app_of", "asked", "asyncapi_of", "openapi_of"]


@cache
def app_of(service: str) -> FastAPI:
    """Return the app of a service that is never started."""
    issuer = "https://issuer.example.com"
    settings = ServiceSettings(
        database_url="postgresql://nowhere/pharos",
        nats_url="nats://nowhere",
        issuer=issuer,
        audience="pharos",
        jwks_url=f"{issuer}/jwks.json",
        token_url=f"{issuer}/token",
        client_id=service,
        client_secret=SecretStr("none"),
        feeds={},
    )
    return create_app(load(service), settings)


async def asked(service: str, path: str, **headers: str) -> httpx.Response:
    """Return what a service answers that has not been started."""
    transport = httpx.ASGITransport(app_of(service))
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        return await client.get(path, headers=headers)


@cache
def openapi_of(service: str) -> Document:
    """Return the OpenAPI document of a service."""
    document: Document = json.loads(app_of(service).state.documents.openapi.body)
    return document


@cache
def asyncapi_of(service: str) -> Document:
    """Return the AsyncAPI document of a service."""
    document: Document = json.loads(app_of(service).state.documents.asyncapi.body)
    return document
