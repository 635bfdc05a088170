"""The operators' commands as typer sees them."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from deploy.local.errors import EmbeddedError
from deploy.operate import consumers, doctor, park, payees
from deploy.operate.access import Services, access_to, opened
from deploy.operate.consumers import Chosen
from deploy.operate.park import Kind
from deploy.operate.words import Language as InLanguage
from deploy.operate.words import Told, language_of_terminal


class Lang(StrEnum):
    """The language in which findings and errors are told."""

    EN = "en"
    ZH = "zh"


Data = Annotated[
    Path | None, typer.Option(help="Data folder of a local run; else the PHAROS_ variables.")
]
Language = Annotated[Lang | None, typer.Option(help="en or zh; else that of the terminal.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
OfService = Annotated[str | None, typer.Option("--service", help="Only of this service.")]
OfConsumer = Annotated[str | None, typer.Option("--consumer", help="Only of this consumer.")]
OfSource = Annotated[str | None, typer.Option("--source", help="Only from this source.")]
OfReason = Annotated[str | None, typer.Option("--reason", help="Only with this in the reason.")]
AllOfKind = Annotated[bool, typer.Option("--all", help="All that the other options select.")]
ParkedId = Annotated[str | None, typer.Argument(metavar="[ID]", help="Id of a parked event.")]

park_app = typer.Typer(help="Decide on events that could not be applied.", no_args_is_help=True)
consumer_app = typer.Typer(help="See and repair consumers.", no_args_is_help=True)
payees_app = typer.Typer(help="See and retry payees who were set aside.", no_args_is_help=True)

Work = Callable[[Services], Awaitable[int]]


def install(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("doctor")(doctor_command)
    app.add_typer(park_app, name="park")
    app.add_typer(consumer_app, name="consumer")
    app.add_typer(payees_app, name="payees")


def doctor_command(data: Data = None, lang: Language = None, as_json: AsJson = False) -> None:
    """Say what is wrong with an installation and what to do; exit 1 if anything has to be done."""
    _run(data, lang, lambda services: doctor.examine(services, as_json=as_json))


@park_app.command("list")
def park_list(
    service: OfService = None,
    consumer: OfConsumer = None,
    source: OfSource = None,
    reason: OfReason = None,
    stack: Annotated[bool, typer.Option(help="Show where each one failed.")] = False,
    as_json: AsJson = False,
    data: Data = None,
    lang: Language = None,
) -> None:
    """List the parked events that wait for a decision."""
    kind = Kind(service, consumer, source, reason)
    _run(data, lang, lambda services: park.show(services, kind, stack=stack, as_json=as_json))


@park_app.command("replay")
def park_replay(
    parked_id: ParkedId = None,
    all_of_kind: AllOfKind = False,
    service: OfService = None,
    consumer: OfConsumer = None,
    source: OfSource = None,
    reason: OfReason = None,
    data: Data = None,
    lang: Language = None,
) -> None:
    """Apply parked events now; an older version than known changes nothing."""
    kind = Kind(service, consumer, source, reason)
    _settle("replay", parked_id, kind, data, lang, all_of_kind=all_of_kind)


@park_app.command("discard")
def park_discard(
    parked_id: ParkedId = None,
    all_of_kind: AllOfKind = False,
    service: OfService = None,
    consumer: OfConsumer = None,
    source: OfSource = None,
    reason: OfReason = None,
    data: Data = None,
    lang: Language = None,
) -> None:
    """Decide that parked events stay without effect."""
    kind = Kind(service, consumer, source, reason)
    _settle("discard", parked_id, kind, data, lang, all_of_kind=all_of_kind)


@consumer_app.command("list")
def consumer_list(
    service: OfService = None, as_json: AsJson = False, data: Data = None, lang: Language = None
) -> None:
    """List the consumers, how far they are, and which have stopped."""
    _run(data, lang, lambda services: consumers.show(services, Chosen(service), as_json=as_json))


@consumer_app.command("repair")
def consumer_repair(
    service: Annotated[str | None, typer.Argument(help="Service of the consumer.")] = None,
    consumer: Annotated[str | None, typer.Argument(help="Name of the consumer.")] = None,
    partition: Annotated[int | None, typer.Option(help="Only this partition.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that have stopped.")] = False,
    from_number: Annotated[
        int | None,
        typer.Option(
            min=0, help="Correct nothing; go on behind this event of the source, 0: its start."
        ),
    ] = None,
    data: Data = None,
    lang: Language = None,
) -> None:
    """Bring stopped consumers to what their sources hold now, and let them go on."""
    chosen = Chosen(service, consumer, partition)
    _run(
        data,
        lang,
        lambda services: consumers.repair(
            services, chosen, everything=everything, from_number=from_number
        ),
    )


@payees_app.command("list")
def payees_list(data: Data = None, lang: Language = None) -> None:
    """List the payees whose pay could not be worked out, and why."""
    _run(data, lang, payees.show)


@payees_app.command("retry")
def payees_retry(
    payee_id: Annotated[str | None, typer.Argument(metavar="[PAYEE]")] = None,
    everybody: Annotated[bool, typer.Option("--all", help="All who are set aside.")] = False,
    data: Data = None,
    lang: Language = None,
) -> None:
    """Work out payees again, once the reason is mended."""
    _run(data, lang, lambda services: payees.retry(services, payee_id, everybody=everybody))


def _settle(
    verb: Literal["replay", "discard"],
    parked_id: str | None,
    kind: Kind,
    data: Path | None,
    lang: Lang | None,
    *,
    all_of_kind: bool,
) -> None:
    _run(
        data,
        lang,
        lambda services: park.settle(services, verb, parked_id, kind, all_of_kind=all_of_kind),
    )


def _run(data: Path | None, lang: Lang | None, work: Work) -> None:
    """Do the work with the services; what cannot be is told in a sentence."""
    language: InLanguage = language_of_terminal()
    if lang is not None:
        language = "zh" if lang is Lang.ZH else "en"

    async def done() -> int:
        async with opened(access_to(data, language)) as services:
            return await work(services)

    try:
        code = asyncio.run(done())
    except (Told, EmbeddedError, OSError) as told:
        typer.secho(str(told), err=True, fg=typer.colors.RED)
        code = 1
    raise typer.Exit(code)
