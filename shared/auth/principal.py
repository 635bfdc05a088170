"""The principal: who asks, in which roles, and what these may do."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from shared.contracts.roles import SERVICE_ROLE, Breadth, breadth_of, permissions_of
from shared.errors import Forbidden, Unauthenticated


class TokenRefused(Unauthenticated):
    """The bearer token is missing, out of date, or not one of this issuer's access tokens."""

    en = "Send a valid access token as 'Authorization: Bearer …'. {reason}"
    zh = "请以 “Authorization: Bearer …” 携带有效的访问令牌。{reason}"


class PermissionMissing(Forbidden):
    """The caller's roles do not hold the permission that the route asks for."""

    en = "This needs the permission {permission}; your roles do not hold it."
    zh = "此操作需要权限 {permission}，您的角色没有该权限。"


@dataclass(frozen=True, slots=True)
class Claims:
    """Where an issuer's tokens say which member asks, in which roles, and what they are for.

    ``roles`` may be a path, such as ``realm_access.roles``; a claim whose own name has dots is
    found first. ``access`` is the claim of a token that is for access, with its value
    (``token_use=access``), at an issuer whose headers do not say it; empty where they do.
    """

    member: str = "sub"
    roles: str = "roles"
    access: str = ""

    def are_for_access(self, claims: Mapping[str, Any]) -> bool:
        """Tell whether claims say that their token is for access, and no proof of a login."""
        name, _, value = self.access.partition("=")
        return bool(name) and _claim(claims, name) == value


STANDARD: Final = Claims()


@dataclass(frozen=True, slots=True)
class Principal:
    """A verified caller: ``subject`` is a person's id at the issuer or a machine client's name.

    ``member_id`` is None for whoever is no member: such a caller owns nothing. ``expires_at`` is
    the end of the token: what goes on for longer than a request ends there.
    """

    subject: str
    client: str
    roles: tuple[str, ...]
    permissions: frozenset[str]
    expires_at: datetime | None = None
    member_id: UUID | None = None

    @classmethod
    def of(cls, claims: Mapping[str, Any], named: Claims = STANDARD) -> "Principal":
        """Return the caller of verified claims."""
        found = _claim(claims, named.roles)
        roles = tuple(str(role) for role in found) if isinstance(found, list) else ()
        subject = str(claims["sub"])
        client = str(claims.get("client_id") or claims.get("azp") or subject)
        expires_at = datetime.fromtimestamp(float(claims["exp"]), UTC) if "exp" in claims else None
        member_id = _id(_claim(claims, named.member))
        return cls(subject, client, roles, permissions_of(roles), expires_at, member_id)

    @property
    def is_own_service(self) -> bool:
        """Whether one of our own services asks, for itself."""
        return SERVICE_ROLE in self.roles

    @property
    def caller(self) -> str:
        """Who acts, and through which client: two users of one client are two callers."""
        return f"{self.client}\n{self.subject}"

    def require(self, permission: str) -> None:
        """Refuse a caller that does not hold the permission."""
        if permission not in self.permissions:
            raise PermissionMissing(permission=permission)

    def breadth(self, permission: str) -> Breadth | None:
        """Return how far the caller reaches with a permission; None: not at all."""
        return breadth_of(self.roles, permission)


def _claim(claims: Mapping[str, Any], path: str) -> object:
    """Return what stands at a path of the claims, None where nothing does."""
    if path in claims:
        return claims[path]
    found: object = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _id(claim: object) -> UUID | None:
    """Return a claim as a member's id: a UUID as it is written, and nothing that is like one."""
    if not isinstance(claim, str):
        return None
    try:
        found = UUID(claim)
    except ValueError:
        return None
    return found if str(found) == claim.lower() else None
