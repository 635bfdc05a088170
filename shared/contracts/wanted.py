"""Which event types somebody asks for: by name, with or without version, or all below a name."""

from collections.abc import Iterable, Mapping

from shared.contracts.contract import Contract, contracts, family
from shared.errors import Invalid

ANY_END = ".*"


class EventTypeUnknown(Invalid):
    """The service tells no such events."""

    en = "{service} publishes no events of type {type}. It publishes: {known}."
    zh = "{service} 不发布类型为 {type} 的事件；发布的事件有：{known}。"


def selects(types: Iterable[str], kind: str) -> bool:
    """Tell whether an event type is among those asked for; ``a.b.*`` is all that is below a.b."""
    return any(
        kind.startswith(wanted[:-1]) if wanted.endswith(ANY_END) else wanted in {kind, family(kind)}
        for wanted in types
    )


def told_by(service: str) -> Mapping[str, type[Contract]]:
    """Return the contracts of the events that a service publishes, by type."""
    return {kind: known for kind, known in contracts().items() if kind.split(".")[1] == service}


def asked_of(service: str, wanted: str, pointer: str) -> Mapping[str, type[Contract]]:
    """Return those of a service's events that are asked for; raises EventTypeUnknown."""
    told = told_by(service)
    found = {kind: known for kind, known in told.items() if selects([wanted], kind)}
    if not found:
        known = ", ".join(sorted(told)) or "–"
        raise EventTypeUnknown(service=service, type=wanted, known=known, pointer=pointer)
    return found
