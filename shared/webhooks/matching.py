"""Which events a webhook is told of: pure functions of the webhook and the event."""

from collections.abc import Sequence
from functools import lru_cache

import orjson

from shared.context import Origin
from shared.contracts.contract import permission_of
from shared.contracts.wanted import asked_of, selects, told_by
from shared.errors import Forbidden, Invalid
from shared.events.envelope import Event
from shared.filters.predicate import Predicate, to_predicate
from shared.filters.tree import Tree, build, dump
from shared.webhooks.fields import fields_of, row_of
from shared.webhooks.model import Owner, Terms, Webhook


class EventTypeNotReadable(Forbidden):
    """Nobody is sent what they may not read."""

    en = "Events of type {type} need the permission {permission}; your roles do not hold it."
    zh = "类型为 {type} 的事件需要权限 {permission}，您的角色没有该权限。"


def check_types(service: str, types: Sequence[str], owner: Owner) -> None:
    """Refuse what could never be sent; raises EventTypeUnknown and EventTypeNotReadable."""
    for place, wanted in enumerate(types):
        pointer = f"/types/{place}"
        needed = [known.READ for known in asked_of(service, wanted, pointer).values()]
        if not any(permission in owner.permissions for permission in needed):
            raise EventTypeNotReadable(type=wanted, permission=needed[0], pointer=pointer)


def canonical(service: str, terms: Terms) -> str | None:
    """Return the condition of terms in the form in which it is kept.

    Raises what `shared.filters.tree.build` raises; no field is known that none of the types has.
    """
    if terms.condition is None:
        return None
    tree = _tree(service, terms.types, terms.condition)
    return orjson.dumps(dump(tree)).decode()


def readable(service: str, terms: Terms) -> bool:
    """Tell whether this release can read a condition: an older one may not know all its fields."""
    try:
        _predicate(service, terms.types, terms.condition)
    except Invalid:
        return False
    return True


@lru_cache(maxsize=256)
def _predicate(service: str, types: tuple[str, ...], condition: str | None) -> Predicate:
    if condition is None:
        return lambda _: True
    return to_predicate(_tree(service, types, condition))


def _tree(service: str, types: Sequence[str], condition: str) -> Tree:
    asked = [known for kind, known in told_by(service).items() if selects(types, kind)]
    return build(orjson.loads(condition), fields_of(asked), "/condition")


def _meets(terms: Terms, event: Event) -> bool:
    if terms.condition is None:
        return True
    return _predicate(event.source, terms.types, terms.condition)(row_of(event))


def told_of(webhook: Webhook, event: Event, client: str | None) -> bool:
    """Tell whether a webhook is told of an event; ``client`` is the program that caused it.

    Imported history is told to nobody, and nobody is told more than its owner may read. What a
    service does in answer to a change was caused by no program, so it is never an echo. What a
    condition asks for and the event does not have makes that comparison false.

    Raises what `canonical` raises for a condition that this release cannot read.
    """
    return (
        event.origin is not Origin.IMPORT
        and selects(webhook.terms.types, event.type)
        and permission_of(event.type) in webhook.owner.permissions
        and (client is None or client != webhook.terms.skip_client)
        and _meets(webhook.terms, event)
    )
