"""Parked events: looked at, replayed or discarded, one or all of a kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import orjson
import typer

from deploy.operate.access import Json, Refused, Services
from deploy.operate.words import Told


@dataclass(frozen=True, slots=True)
class Kind:
    """Which parked events are meant; None leaves all. ``reason`` is a part of the text."""

    service: str | None = None
    consumer: str | None = None
    source: str | None = None
    reason: str | None = None

    @property
    def says_nothing(self) -> bool:
        """Tell whether all there are would be meant."""
        return not any((self.service, self.consumer, self.source, self.reason))


async def show(services: Services, kind: Kind, *, stack: bool, as_json: bool) -> int:
    """Print the parked events of a kind that wait for a decision; return 0."""
    found = await _found(services, kind)
    if stack:
        found = [
            {**one, **await services.get(one["service"], f"/v1/parked/{one['id']}")}
            for one in found
        ]
    if as_json:
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
        return 0
    if not found:
        typer.echo(services.say("no_parked"))
    for one in found:
        typer.echo(services.say("parked_line", **one))
        typer.echo(services.say("parked_reason", reason=one["reason"]))
        if stack:
            typer.echo("\n".join(f"    | {line}" for line in one["stack"].splitlines()))
    return 0


async def settle(
    services: Services,
    verb: Literal["replay", "discard"],
    parked_id: str | None,
    kind: Kind,
    *,
    all_of_kind: bool,
) -> int:
    """Replay or discard an event, or all of a kind; return 1 when one could not be."""
    if (parked_id is None) != all_of_kind or (all_of_kind and kind.says_nothing):
        raise Told(services.say("id_or_all"))
    if parked_id is not None:
        found: Sequence[Json] = [await _one(services, parked_id)]
    else:
        found = await _found(services, kind)
    if not found:
        typer.echo(services.say("no_parked"))
    failed = 0
    for one in found:
        try:
            settled = await services.post(one["service"], f"/v1/parked/{one['id']}/{verb}")
            typer.echo(services.say("settled", **settled))
        except Refused as refused:
            failed += 1
            typer.echo(services.say("not_settled", id=one["id"], reason=refused.reason), err=True)
    return int(failed > 0)


async def _found(services: Services, kind: Kind) -> Sequence[Json]:
    return [
        {**one, "service": service}
        for service in services.named(kind.service)
        async for one in services.items(
            service,
            "/v1/parked",
            state="parked",
            consumer=kind.consumer,
            source=kind.source,
            reason=kind.reason,
        )
    ]


async def _one(services: Services, parked_id: str) -> Json:
    refusals = []
    for service in services.named(None):
        try:
            return {**await services.get(service, f"/v1/parked/{parked_id}"), "service": service}
        except Refused as refused:
            if refused.status != 404:
                raise
            refusals.append(refused)
    raise Told(refusals[-1].reason)
