"""The machine clients of the built-in issuer: a file that is made once and may be edited."""

import secrets
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from deploy.installation import SERVICES
from deploy.local.errors import IssuerRefused
from deploy.local.place import write_private
from shared.contracts.roles import ROLES

SERVICE_ROLE = "service"
DEMO_CLIENT = "demo"


class Client(BaseModel):
    """A machine client. ``may_impersonate``: may ask for tokens in the name of a member."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    secret: str = Field(min_length=16)
    roles: tuple[str, ...]
    may_impersonate: bool = False


_FILE = TypeAdapter(dict[str, Client])


def client_of(service: str) -> str:
    """Return the client id of a service."""
    return f"pharos-{service}"


def kept_clients(path: Path) -> Mapping[str, Client]:
    """Return the clients in this file (0600); a service's or the demo's that is missing is added.

    Raises IssuerRefused when the file was edited into something else, or grants unknown roles.
    """
    kept = _read(path) if path.exists() else {}
    missing = {name: client for name, client in _first_clients() if name not in kept}
    if missing:
        kept = kept | missing
        write_private(path, _FILE.dump_json(kept, indent=2).decode())
    return kept


def _read(path: Path) -> dict[str, Client]:
    try:
        kept = _FILE.validate_json(path.read_bytes())
    except ValidationError as error:
        raise IssuerRefused(f"{path} does not list clients: {error}") from error
    for name, client in kept.items():
        unknown = set(client.roles) - ROLES.keys()
        if unknown:
            raise IssuerRefused(f"{path} gives {name} unknown roles: {', '.join(sorted(unknown))}")
    return kept


def _first_clients() -> list[tuple[str, Client]]:
    services = [(client_of(service), _new((SERVICE_ROLE,))) for service in SERVICES]
    everyday = tuple(sorted(ROLES.keys() - {SERVICE_ROLE}))
    return [*services, (DEMO_CLIENT, _new(everyday, may_impersonate=True))]


def _new(roles: tuple[str, ...], *, may_impersonate: bool = False) -> Client:
    secret = secrets.token_urlsafe(32)
    return Client(secret=secret, roles=roles, may_impersonate=may_impersonate)
