"""What is wrong, from what the services say of themselves; pure, so that each case is tested."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from deploy.operate.access import Json

AGE_SECONDS_MAX: Final = 30.0
EVENTS_BEHIND_MAX: Final = 1_000
CLOCK_SECONDS_MAX: Final = 2.0


@dataclass(frozen=True, slots=True)
class Signs:
    """What one service says: readiness, vitals, consumers; None where it did not say it."""

    service: str
    url: str
    silent: str | None = None
    refused: str | None = None
    readiness: Json | None = None
    vitals: Json | None = None
    consumers: Sequence[Json] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong: the key of its sentence, its facts, and the command that mends it.

    A ``notice`` is worth knowing, but nothing has to be done.
    """

    key: str
    facts: Mapping[str, object] = field(default_factory=dict)
    command: str = ""
    notice: bool = False


def findings(all_signs: Sequence[Signs]) -> Iterator[Finding]:
    """Yield what is wrong, service by service."""
    heads = {
        (signs.service, relay["partition"]): relay["head"]
        for signs in all_signs
        if signs.vitals is not None
        for relay in signs.vitals["relays"]
    }
    for signs in all_signs:
        yield from _of_answers(signs)
        consumers = signs.consumers or ()
        if signs.vitals is not None:
            yield from _of_vitals(signs.service, signs.vitals, consumers)
        for consumer in consumers:
            yield from _of_consumer(signs.service, consumer, heads)


def _of_answers(signs: Signs) -> Iterator[Finding]:
    about = {"service": signs.service, "url": signs.url}
    if signs.silent is not None:
        command = f"pharos serve {signs.service}"
        yield Finding("service_away", {**about, "reason": signs.silent}, command)
    if signs.refused is not None:
        yield Finding("not_allowed", {**about, "reason": signs.refused})
    if signs.readiness is None:
        return
    if signs.readiness.get("database") == "away":
        yield Finding("database_away", about)
    elif work := signs.readiness.get("work"):
        yield Finding("work_hindered", {**about, "work": work})
    elif signs.readiness.get("broker") == "away":
        yield Finding("broker_away", about)


def _of_vitals(service: str, vitals: Json, consumers: Sequence[Json]) -> Iterator[Finding]:
    about = {"service": service}
    if vitals["revision"] != vitals["newest_revision"]:
        facts = {"revision": vitals["revision"], "newest": vitals["newest_revision"]}
        yield Finding("schema_behind", {**about, **facts}, f"pharos migrate {service}")
    if (age := vitals["outbox_age_seconds"]) > AGE_SECONDS_MAX:
        command = f"pharos serve {service} --role worker"
        yield Finding("outbox_old", {**about, "age": round(age)}, command)
    if (age := vitals["audit_unsealed_age_seconds"]) > AGE_SECONDS_MAX:
        command = f"pharos serve {service} --role worker"
        yield Finding("audit_unsealed", {**about, "age": round(age)}, command)
    for relay in vitals["relays"]:
        if (behind := relay["head"] - relay["acknowledged"]) > EVENTS_BEHIND_MAX:
            facts = {"behind": behind, "partition": relay["partition"]}
            yield Finding("broker_behind", {**about, **facts})
    yield from _of_leases(service, vitals, consumers)
    yield from _of_what_waits(service, vitals)
    if vitals["log_default_rows"]:
        facts = {"rows": vitals["log_default_rows"]}
        yield Finding("default_rows", {**about, **facts}, notice=True)
    if abs(ahead := vitals["clock_ahead_seconds"]) > CLOCK_SECONDS_MAX:
        yield Finding("clock_wrong", {**about, "seconds": round(ahead, 1)})


def _of_what_waits(service: str, vitals: Json) -> Iterator[Finding]:
    for parked in vitals["parked"]:
        if parked["events"]:
            command = f"pharos park list --service {service} --consumer {parked['consumer']}"
            yield Finding("events_parked", {**parked, "service": service}, command)
    for figure in vitals["figures"]:
        if figure["name"] == "recalculations_failed" and figure["value"]:
            yield Finding("payees_set_aside", {"count": figure["value"]}, "pharos payees list")
        if figure["name"] == "webhooks_disabled" and figure["value"]:
            about = {"service": service, "count": figure["value"]}
            yield Finding("webhooks_disabled", about, notice=True)


def _of_leases(service: str, vitals: Json, consumers: Sequence[Json]) -> Iterator[Finding]:
    held = {lease["name"] for lease in vitals["leases"] if lease["held"]}
    wanted = [f"relay:{relay['partition']}" for relay in vitals["relays"]]
    wanted.append("audit")
    wanted += [
        f"consumer:{one['consumer']}:{one['source']}:{one['partition']}"
        for one in consumers
        if one["stopped"] is None  # does nothing, so it holds on to nothing
    ]
    for name in wanted:
        if name not in held:
            command = f"pharos serve {service} --role worker"
            yield Finding("lease_free", {"service": service, "name": name}, command)


def _of_consumer(
    service: str, consumer: Json, heads: Mapping[tuple[str, int], int]
) -> Iterator[Finding]:
    facts = {**consumer, "service": service}
    if consumer["stopped"] is not None:
        command = f"pharos consumer repair {service} {consumer['consumer']}"
        yield Finding("consumer_stopped", {**facts, "reason": consumer["stopped"]}, command)
        return
    head = heads.get((consumer["source"], consumer["partition"]))
    if head is None:
        return
    lag = head - consumer["number"]
    if lag > EVENTS_BEHIND_MAX:
        yield Finding("consumer_lags", {**facts, "lag": lag}, "pharos doctor")
    elif lag < 0:
        yield Finding("consumer_ahead", {**facts, "ahead": -lag}, "pharos doctor")
