"""Consumers: how far they are, and the way on for one that has stopped."""

from dataclasses import dataclass

import orjson
import typer

from deploy.operate.access import Json, Refused, Services
from deploy.operate.words import Told


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which consumers are meant; None leaves all."""

    service: str | None = None
    consumer: str | None = None
    partition: int | None = None


async def show(services: Services, chosen: Chosen, *, as_json: bool) -> int:
    """Print the consumers and how far they are; return 0."""
    found = await _found(services, chosen)
    if as_json:
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
        return 0
    for one in found:
        stopped = ""
        if one["stopped"] is not None:
            stopped = services.say("consumer_is_stopped", reason=one["stopped"])
        typer.echo(services.say("consumer_line", **{**one, "stopped": stopped}))
    return 0


async def repair(
    services: Services, chosen: Chosen, *, everything: bool, from_number: int | None
) -> int:
    """Bring stopped consumers to what their sources hold, or let one go on behind a number.

    Returns 0 when none is left stopped among the chosen.
    """
    if (chosen.service is None or chosen.consumer is None) and not everything:
        raise Told(services.say("name_or_all"))
    found = await _found(services, chosen)
    if not found and chosen.consumer is not None:
        facts = {"consumer": chosen.consumer, "service": chosen.service}
        raise Told(services.say("not_such_consumer", **facts))
    stopped = [one for one in found if one["stopped"] is not None]
    if not stopped:
        typer.echo(services.say("none_stopped"))
    if from_number is not None and len(stopped) > 1:
        raise Told(services.say("one_at_a_time"))
    for one in stopped:
        if from_number is None:
            await _repair(services, one)
        else:
            await _resume(services, one, from_number)
    return 0


async def _repair(services: Services, one: Json) -> None:
    typer.echo(services.say("repairing", **one))
    corrected = discarded = 0
    step: Json = {"next": {}}
    while step["next"] is not None:
        step = await services.post(one["service"], f"{_path(one)}/repair", step["next"])
        corrected += step["corrected"]
        discarded += step["discarded"]
    facts = {**one, "number": step["number"], "corrected": corrected, "discarded": discarded}
    typer.echo(services.say("repaired", **facts))


async def _resume(services: Services, one: Json, number: int) -> None:
    event_id = None
    if number:
        try:
            page = await services.get(
                one["source"],
                "/v1/events",
                after=number - 1,
                limit=1,
                partition=one["partition"],
            )
        except Refused as refused:
            if refused.status != 410:
                raise
            page = {"events": []}
        if not page["events"]:
            raise Told(services.say("no_such_event", source=one["source"], number=number))
        event_id = page["events"][0]["id"]
    body = {"after": number, "event_id": event_id}
    await services.post(one["service"], f"{_path(one)}/resume", body)
    typer.echo(services.say("resumed", **{**one, "number": number}))


async def _found(services: Services, chosen: Chosen) -> list[Json]:
    found = []
    for service in services.named(chosen.service):
        for one in (await services.get(service, "/v1/consumers"))["items"]:
            if chosen.consumer not in (None, one["consumer"]):
                continue
            if chosen.partition not in (None, one["partition"]):
                continue
            head = await services.head(one["source"], one["partition"])
            lag = head - one["number"]
            found.append({**one, "service": service, "head": head, "lag": lag})
    return found


def _path(one: Json) -> str:
    return f"/v1/consumers/{one['consumer']}/{one['source']}/{one['partition']}"
