"""The principal: who asks, in which roles, and what these may do."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared.contracts.roles import SERVICE_ROLE, permissions_of
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
class Principal:
    """A verified caller: ``subject`` is a member's id or a machine client's name.

    ``expires_at`` is the end of the token: what goes on for longer than a request ends there.
    """

    subject: str
    client: str
    roles: tuple[str, ...]
    permissions: frozenset[str]
    expires_at: datetime | None = None

    @classmethod
    def of(cls, claims: dict[str, Any]) -> "Principal":
        """Return the caller of verified claims; roles come from the claim ``roles``."""
        found = claims.get("roles")
        roles = tuple(str(role) for role in found) if isinstance(found, list) else ()
        subject = str(claims["sub"])
        client = str(claims.get("client_id") or claims.get("azp") or subject)
        expires_at = datetime.fromtimestamp(float(claims["exp"]), UTC) if "exp" in claims else None
        return cls(subject, client, roles, permissions_of(roles), expires_at)

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
