"""The command line: one service, its migrations, or the whole of Pharos on this machine.

A command imports what only it needs when it runs, so that the process of a service does not carry
the migrations, the embedded servers and the demonstration in its memory.
"""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import asyncpg
import typer
from pydantic import ValidationError

from deploy.installation import SERVICES
from deploy.local.clients import DEMO_CLIENT
from deploy.local.errors import EmbeddedError
from deploy.operate import commands as operators
from deploy.serving import load, serve
from shared import logs
from shared.runtime import Role
from shared.settings import ServiceSettings

if TYPE_CHECKING:
    from deploy.local.stack import Stack

app = typer.Typer(
    name="pharos",
    help="Pharos: targets, pipeline, performance and knowledge, as four services.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)

operators.install(app)


def _known(name: str) -> str:
    if name not in SERVICES:
        raise typer.BadParameter(f"There is no service {name}; there are {', '.join(SERVICES)}.")
    return name


def _all_known(names: list[str] | None) -> list[str]:
    return [_known(name) for name in names or ()]


ServiceName = Annotated[
    str, typer.Argument(metavar="SERVICE", help=", ".join(SERVICES), callback=_known)
]


@app.command("serve")
def serve_service(
    service: ServiceName,
    role: Annotated[Role, typer.Option(help="Requests, background work, or both.")] = Role.ALL,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
) -> None:
    """Serve one service; its settings come from the PHAROS_ variables."""
    serve(service, _settings(), role, host, port)


@app.command()
def migrate(
    service: ServiceName,
    database_url: Annotated[
        str,
        typer.Option(
            envvar="PHAROS_DATABASE_URL", help="The service's own database: postgresql://…"
        ),
    ],
) -> None:
    """Bring the schema of one service to its newest revision."""
    from shared.migrate import upgrade

    upgrade(load(service), database_url)


@app.command()
def rebuild(
    service: ServiceName,
    consumer: Annotated[str, typer.Argument(help="Its name, as GET /v1/consumers lists it.")],
    from_facts: Annotated[
        bool, typer.Option("--from-facts", help="From the kept facts, not from the log.")
    ] = False,
) -> None:
    """Derive anew what a consumer keeps, while the service runs; the settings are the service's."""
    from deploy import rebuilding
    from shared.errors import PharosError

    settings = _settings()
    try:
        done = asyncio.run(rebuilding.rebuild(service, settings, consumer, from_facts=from_facts))
    except PharosError as error:
        raise typer.Exit(_told(str(error))) from error
    typer.echo(f"{service}/{consumer}: {done.events} events applied, {done.parked} parked.")


@app.command()
def run(
    data: Annotated[Path, typer.Option(help="Folder for all data.")] = Path(".pharos"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 picks a free one.")] = 8700,
    isolated: Annotated[bool, typer.Option(help="A process per service.")] = False,
) -> None:
    """Run all of Pharos on this machine until Ctrl-C: databases, broker, services, tokens."""
    from deploy.local.foreground import run_in_foreground
    from deploy.local.stack import Stack

    with _told_why_not():
        run_in_foreground(Stack(data, port=port, isolated=isolated), _greet)
    typer.echo("Stopped.")


@app.command()
def demo(
    data: Annotated[
        Path | None, typer.Option(help="Folder of a CRM export to load; else a small company.")
    ] = None,
    currency: Annotated[str, typer.Option(help="Currency of the export.")] = "USD",
    twice: Annotated[bool, typer.Option(help="Load it again: nothing may change.")] = False,
    folder: Annotated[
        Path | None, typer.Option(help="Folder for all data, kept; else one that is removed.")
    ] = None,
    isolated: Annotated[bool, typer.Option(help="A process per service.")] = False,
) -> None:
    """Show the whole chain, from a won deal to attainment and pay, and stop everything again."""
    from deploy.demo.command import show

    with _told_why_not():
        code = show(data, currency, folder, twice=twice, isolated=isolated)
    raise typer.Exit(code)


@app.command()
def verify(
    data: Annotated[
        Path, typer.Option(help="Folder of a local run, which must be running.")
    ] = Path(".pharos"),
    databases: Annotated[
        str | None,
        typer.Option(
            envvar="PHAROS_VERIFY_DATABASES",
            help="Instead: JSON, service → postgresql://…; services may be left out.",
        ),
    ] = None,
    fiscal_year_start_month: Annotated[
        int, typer.Option(min=1, max=12, envvar="PHAROS_FISCAL_YEAR_START_MONTH")
    ] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    lang: Annotated[str | None, typer.Option(help="en or zh; else by LANG.")] = None,
) -> None:
    """Recompute every figure from raw facts and name what differs; nothing is written.

    Exit code 0: nothing wrong; 1: something is wrong; 3: something has only not been followed yet;
    4: nothing could be verified.
    """
    from deploy import verifying
    from shared.period import FiscalCalendar

    language = _language(lang)
    calendar = FiscalCalendar(start_month=fiscal_year_start_month)
    try:
        report = verifying.verified(databases, data, calendar)
    except (EmbeddedError, verifying.NotVerified) as error:
        _told(str(error))
        raise typer.Exit(verifying.NOT_VERIFIED) from None
    words = verifying.told_to_machines(report) if as_json else verifying.told(report, language)
    typer.echo(words)
    raise typer.Exit(verifying.exit_code(report))


audit_app = typer.Typer(help="The audit trail: verify and anchor it.", no_args_is_help=True)
app.add_typer(audit_app, name="audit")

Trails = Annotated[
    list[str] | None,
    typer.Argument(metavar="[SERVICE]...", help="Left out: all.", callback=_all_known),
]
RunData = Annotated[Path, typer.Option(help="Folder of a local run, which must be running.")]
Databases = Annotated[
    str | None,
    typer.Option(
        envvar="PHAROS_VERIFY_DATABASES",
        help="Instead: JSON, service → postgresql://…; services may be left out.",
    ),
]


@audit_app.command("verify")
def audit_verify(
    services: Trails = None,
    anchor: Annotated[
        Path | None, typer.Option(help="What `pharos audit anchor` saved, kept elsewhere.")
    ] = None,
    data: RunData = Path(".pharos"),
    databases: Databases = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    lang: Annotated[str | None, typer.Option(help="en or zh; else by LANG.")] = None,
) -> None:
    """Work out the hashes of all audited changes anew and name what was tampered with.

    Exit code 0: nothing wrong; 1: something is wrong; 3: something has waited too long to be
    sealed; 4: nothing could be verified.
    """
    from deploy import auditing, verifying

    language = _language(lang)
    try:
        dsns = auditing.databases_of(services or (), databases, data)
        report = auditing.verified(dsns, anchor)
    except (EmbeddedError, verifying.NotVerified) as error:
        _told(str(error))
        raise typer.Exit(verifying.NOT_VERIFIED) from None
    words = verifying.told_to_machines(report) if as_json else verifying.told(report, language)
    typer.echo(words)
    raise typer.Exit(verifying.exit_code(report))


@audit_app.command("anchor")
def audit_anchor(
    services: Trails = None,
    save: Annotated[Path | None, typer.Option(help="Also append it to this file.")] = None,
    data: RunData = Path(".pharos"),
    databases: Databases = None,
) -> None:
    """Print where the audit trails end, a line each: keep it where no administrator reaches."""
    from deploy import auditing, verifying
    from deploy.audit import anchors

    try:
        found = auditing.ends(auditing.databases_of(services or (), databases, data))
    except (EmbeddedError, verifying.NotVerified) as error:
        _told(str(error))
        raise typer.Exit(verifying.NOT_VERIFIED) from None
    lines = [anchors.written(anchor) for anchor in found]
    for line in lines:
        typer.echo(line)
    if save is not None:
        with save.open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)


def _language(lang: str | None) -> str:
    from deploy import verifying

    if lang not in {None, "en", "zh"}:
        raise typer.BadParameter("The verifier speaks en and zh.")
    return lang or verifying.language_of(os.environ)


@contextmanager
def _told_why_not() -> Iterator[None]:
    """Say in a sentence why the stack cannot run."""
    logs.configure(os.environ.get("PHAROS_LOG_LEVEL", "warning"))
    try:
        yield
    except ValidationError as error:
        raise typer.Exit(_told(_faults(error))) from None
    except (EmbeddedError, OSError, asyncpg.PostgresError) as error:
        raise typer.Exit(_told(str(error))) from error


async def _greet(stack: "Stack") -> None:
    secret = stack.issuer.clients[DEMO_CLIENT].secret
    places = " ".join(f"/{name}" for name in stack.services)
    typer.echo(f"""
Pharos runs at {stack.base_url} ({places}). Ctrl-C stops it.
Data: {stack.folder}

Start page, with the APIs to try out, the events live, and tokens in every role:
  {stack.base_url}/#key={secret}

A token with all roles, for one hour:
  curl -s {stack.issuer.token_url} -u {DEMO_CLIENT}:{secret} \\
    -d grant_type=client_credentials
In the name of a member add, for instance:
    -d scope=rep -d subject=<the member's id>
Then:
  curl -H "Authorization: Bearer <access_token>" {stack.base_url}/pipeline/v1/deals
""")


def _settings() -> ServiceSettings:
    try:
        return ServiceSettings()
    except ValidationError as error:
        raise typer.Exit(_told(_faults(error))) from None


def _faults(error: ValidationError) -> str:
    """Name the variables at fault. The error's own text repeats what was given, secrets too."""
    return "\n".join(
        f"PHAROS_{'.'.join(map(str, fault['loc']))}".upper() + f": {fault['msg']}"
        for fault in error.errors(include_input=False, include_url=False)
    )


def _told(sentence: str) -> int:
    typer.secho(sentence, err=True, fg=typer.colors.RED)
    return 1


if __name__ == "__main__":
    app()
