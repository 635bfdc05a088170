"""Roles as sets of permissions: data, read by every service in the same way."""

READ_ORGANISATION = {"org:read", "targets:read", "attainment:read"}
READ_PIPELINE = {"accounts:read", "deals:read", "products:read"}
READ_PAY = {"plans:read", "credits:read", "statements:read"}
WRITE_ORGANISATION = {"org:write", "targets:write"}
WRITE_PIPELINE = {"accounts:write", "deals:write", "products:write"}
IMPORT = {"imports:write"}
OPERATE = {"events:read", "operations:read", "operations:write"}
AUDIT = {"audit:read"}
WEBHOOKS = {"webhooks:read", "webhooks:write"}

SERVICE_ROLE = "service"
"""Of our own services, when they read from each other."""

ROLES: dict[str, frozenset[str]] = {
    "admin": frozenset(
        READ_ORGANISATION
        | READ_PIPELINE
        | READ_PAY
        | WRITE_ORGANISATION
        | WRITE_PIPELINE
        | OPERATE
        | AUDIT
        | WEBHOOKS
        | IMPORT
        | {"plans:write", "articles:read", "imports:oversee"}
    ),
    "sales_ops": frozenset(
        READ_ORGANISATION
        | READ_PIPELINE
        | WRITE_ORGANISATION
        | WRITE_PIPELINE
        | IMPORT
        | {"plans:read", "plans:write", "articles:read"}
    ),
    "finance": frozenset(READ_ORGANISATION | READ_PIPELINE | READ_PAY | IMPORT | {"plans:write"}),
    "hr": frozenset({"org:read", "org:write"} | IMPORT),
    "integration": frozenset(
        READ_ORGANISATION
        | READ_PIPELINE
        | WRITE_ORGANISATION
        | WRITE_PIPELINE
        | WEBHOOKS
        | IMPORT
        | {"events:read"}
    ),
    "auditor": frozenset(
        READ_ORGANISATION
        | READ_PIPELINE
        | READ_PAY
        | AUDIT
        | {"events:read", "operations:read", "articles:read"}
    ),
    SERVICE_ROLE: frozenset(READ_ORGANISATION | READ_PIPELINE | READ_PAY | {"events:read"}),
    # Rows of their own team and territory come with the row scopes; until a query can say whose
    # a row is, these two see nothing that could be somebody else's.
    "manager": frozenset({"products:read", "articles:read"}),
    "rep": frozenset({"products:read", "articles:read"}),
}


def permissions_of(roles: tuple[str, ...]) -> frozenset[str]:
    """Return all that these roles may do; an unknown role grants nothing."""
    return frozenset[str]().union(*(ROLES.get(role, frozenset()) for role in roles))
