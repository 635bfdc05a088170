"""Roles as data: what each may do, and to whose rows; read by every service in the same way."""

from collections.abc import Collection, Iterable, Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final, TypeAlias


class Breadth(IntEnum):
    """To whose rows a permission reaches; the wider holds all that the narrower does.

    OWN: the member's. TEAM: also of whoever is below a unit that the member leads, and of those
    units. TERRITORY: also of whoever is in or below the unit that the member belongs to.
    """

    OWN = 1
    TEAM = 2
    TERRITORY = 3
    ALL = 4


Grants: TypeAlias = Mapping[str, Breadth]

READ_ORGANISATION: Final = {"org:read", "targets:read", "attainment:read"}
READ_PIPELINE: Final = {"accounts:read", "deals:read", "products:read", "wins:read"}
READ_PAY: Final = {"plans:read", "credits:read", "statements:read", "pay:read"}
WRITE_ORGANISATION: Final = {"org:write", "targets:write"}
WRITE_PIPELINE: Final = {"accounts:write", "deals:write", "products:write"}
IMPORT: Final = {"imports:write"}
OPERATE: Final = {"events:read", "operations:read", "operations:write"}
AUDIT: Final = {"audit:read"}
WEBHOOKS: Final = {"webhooks:read", "webhooks:write"}
OF_EVERYBODY: Final = {"org:read", "products:read", "articles:read"}
"""What is nobody's in particular, and open to whoever sells."""
OF_SELLERS: Final = {
    *("deals:read", "deals:write", "accounts:read", "accounts:write"),
    *("targets:read", "attainment:read"),
    *READ_PAY,
}
"""What belongs to somebody: sellers see their own, managers their team's."""

SERVICE_ROLE: Final = "service"
"""Of our own services, when they read from each other."""


def _grants(everywhere: Iterable[str], within: Breadth, narrower: Iterable[str]) -> Grants:
    return MappingProxyType(
        dict.fromkeys(narrower, within) | dict.fromkeys(everywhere, Breadth.ALL)
    )


def _all(*permissions: Iterable[str]) -> Grants:
    return _grants(set().union(*permissions), Breadth.ALL, ())


ROLES: Final[Mapping[str, Grants]] = MappingProxyType(
    {
        "admin": _all(
            READ_ORGANISATION,
            READ_PIPELINE,
            READ_PAY,
            WRITE_ORGANISATION,
            WRITE_PIPELINE,
            OPERATE,
            AUDIT,
            WEBHOOKS,
            IMPORT,
            {"plans:write", "articles:read", "imports:oversee"},
        ),
        "sales_ops": _all(
            READ_ORGANISATION,
            READ_PIPELINE,
            WRITE_ORGANISATION,
            WRITE_PIPELINE,
            IMPORT,
            # Credits without what they pay: that takes `pay:read`.
            {"plans:read", "plans:write", "credits:read", "articles:read"},
        ),
        "finance": _all(READ_ORGANISATION, READ_PIPELINE, READ_PAY, IMPORT, {"plans:write"}),
        "hr": _all({"org:read", "org:write"}, IMPORT),
        "integration": _all(
            READ_ORGANISATION,
            READ_PIPELINE,
            WRITE_ORGANISATION,
            WRITE_PIPELINE,
            WEBHOOKS,
            IMPORT,
            {"events:read"},
        ),
        "auditor": _all(
            READ_ORGANISATION,
            READ_PIPELINE,
            READ_PAY,
            AUDIT,
            {"events:read", "operations:read", "articles:read"},
        ),
        SERVICE_ROLE: _all(READ_ORGANISATION, READ_PIPELINE, READ_PAY, {"events:read"}),
        "manager": _grants(OF_EVERYBODY, Breadth.TEAM, OF_SELLERS),
        "rep": _grants(OF_EVERYBODY, Breadth.OWN, OF_SELLERS),
    }
)


def permissions_of(roles: Iterable[str]) -> frozenset[str]:
    """Return all that these roles may do; an unknown role grants nothing."""
    return frozenset[str]().union(*(ROLES.get(role, {}) for role in roles))


def everywhere(roles: Collection[str]) -> frozenset[str]:
    """Return what these roles may do to the rows of everybody."""
    return frozenset(
        permission
        for permission in permissions_of(roles)
        if breadth_of(roles, permission) is Breadth.ALL
    )


def breadth_of(roles: Collection[str], permission: str) -> Breadth | None:
    """Return how far the widest of these roles reaches with a permission; None: not at all."""
    found = [ROLES[role][permission] for role in roles if permission in ROLES.get(role, {})]
    return max(found, default=None)
