"""Which events a webhook is told of: pure functions of the webhook and the event."""

from collections.abc import Iterable, Sequence

from shared.context import Origin
from shared.contracts.contract import contracts, permission_of
from shared.errors import Forbidden, Invalid
from shared.events.envelope import Event
from shared.webhooks.model import Owner, Webhook

ANY_END = ".*"


class EventTypeUnknown(Invalid):
    """The service tells no such events."""

    en = "{service} tells no events of type {type}; see its AsyncAPI document."
    zh = "{service} 不发布类型为 {type} 的事件，请查阅其 AsyncAPI 文档。"


class EventTypeNotReadable(Forbidden):
    """Nobody is sent what they may not read."""

    en = "Events of type {type} need the permission {permission}; your roles do not hold it."
    zh = "类型为 {type} 的事件需要权限 {permission}，您的角色没有该权限。"


def selects(types: Iterable[str], kind: str) -> bool:
    """Tell whether an event type is among those asked for; ``a.b.*`` is all that is below a.b."""
    return any(
        kind.startswith(wanted[:-1]) if wanted.endswith(ANY_END) else kind == wanted
        for wanted in types
    )


def check_types(service: str, types: Sequence[str], owner: Owner) -> None:
    """Refuse what could never be sent; raises EventTypeUnknown and EventTypeNotReadable."""
    own = {kind: known for kind, known in contracts().items() if _source(kind) == service}
    for place, wanted in enumerate(types):
        found = [known for kind, known in own.items() if selects([wanted], kind)]
        if not found:
            raise EventTypeUnknown(service=service, type=wanted, pointer=f"/types/{place}")
        if not any(known.READ in owner.permissions for known in found):
            raise EventTypeNotReadable(
                type=wanted, permission=found[0].READ, pointer=f"/types/{place}"
            )


def _source(kind: str) -> str:
    return kind.split(".")[1]


def told_of(webhook: Webhook, event: Event, client: str | None) -> bool:
    """Tell whether a webhook is told of an event; ``client`` is the program that caused it.

    Imported history is told to nobody, and nobody is told more than its owner may read. What a
    service does in answer to a change was caused by no program, so it is never an echo.
    """
    return (
        event.origin is not Origin.IMPORT
        and selects(webhook.terms.types, event.type)
        and permission_of(event.type) in webhook.owner.permissions
        and (client is None or client != webhook.terms.skip_client)
    )
