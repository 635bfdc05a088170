"""Settings of a service, read from ``PHAROS_*`` variables; an incomplete set refuses to start."""

from datetime import UTC, tzinfo
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, IPvAnyNetwork, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.context import Installation
from shared.failpoints import parse
from shared.period import FiscalCalendar
from shared.webhooks.endpoints import Reach


def _url(*schemes: str, exact: bool = False) -> AfterValidator:
    def check(value: str) -> str:
        if urlsplit(value).scheme not in schemes or not urlsplit(value).netloc:
            raise ValueError(f"give a URL that begins with {' or '.join(schemes)}://")
        return value if exact else value.rstrip("/")

    return AfterValidator(check)


def _failpoint(value: str) -> str:
    if value:
        parse(value)
    return value


def _zone(value: str) -> str:
    try:
        _zone_of(value)
    except (LookupError, ValueError, OSError) as error:
        raise ValueError(
            "give an IANA name such as Asia/Shanghai; the time zones are those of the machine, or"
            " of the Python package tzdata"
        ) from error
    return value


def _zone_of(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)  # UTC needs no time zones to be installed


def _origin(value: str) -> str:
    parts = urlsplit(value)
    is_origin = bool(parts.netloc) and value == f"{parts.scheme}://{parts.netloc}"
    if not is_origin and value != "*":
        raise ValueError("give an origin such as https://crm.example.com, or * for all")
    return value


Origin = Annotated[str, AfterValidator(_origin)]
HttpUrl = Annotated[str, _url("http", "https")]
HttpUrlOrNone = Annotated[str, Field(pattern=r"^(https?://[^\s/?#]+[^\s?#]*[^\s/?#])?$")]


class ServerSettings(BaseSettings):
    """What a server of this process lets a connection do. All seconds are checked once a second."""

    model_config = SettingsConfigDict(env_prefix="PHAROS_", frozen=True, extra="ignore")

    url_limit_bytes: Annotated[int, Field(ge=256)] = 16_384
    header_limit_bytes: Annotated[int, Field(ge=1024)] = 32_768
    """Of all headers of a request together."""
    header_limit_count: Annotated[int, Field(ge=8)] = 100
    header_seconds: Annotated[int, Field(ge=1)] = 10
    """How long a connection may be silent before its first request, and headers be on their way."""
    body_seconds: Annotated[int, Field(ge=1)] = 15
    """How long a body may be on its way, and a second more for each ``body_bytes_per_second``."""
    body_bytes_per_second: Annotated[int, Field(ge=1)] = 8_192
    answer_seconds: Annotated[int, Field(ge=1)] = 30
    """How long a client may leave an answer unread before the connection is cut."""
    keep_alive_seconds: Annotated[int, Field(ge=1)] = 75
    connection_limit: Annotated[int, Field(ge=8)] = 1_000
    """Of this process. One more takes the place of the one that has been idle for longest."""


class ServiceSettings(ServerSettings):
    """Everything that one service needs to run, and nothing that it could guess wrong."""

    database_url: Annotated[str, _url("postgresql", "postgres")]
    nats_url: Annotated[str, _url("nats", "tls")]
    issuer: Annotated[str, _url("http", "https", exact=True)]
    """Just as the tokens have it (``iss``), with the slash at its end where they have one."""
    audience: Annotated[str, Field(min_length=1)]
    jwks_url: HttpUrl
    token_url: HttpUrl
    member_claim: Annotated[str, Field(min_length=1)] = "sub"
    """Which claim of a token holds the member's id, a UUID."""
    roles_claim: Annotated[str, Field(min_length=1)] = "roles"
    """Which claim holds the list of roles; with dots a path, such as ``realm_access.roles``."""
    access_claim: Annotated[str, Field(pattern=r"^$|^[^=]+=.+$")] = ""
    """What the claims of an access token say where its header's ``typ`` is not ``at+jwt``, as name
    and value: ``token_use=access``. Empty: the header says it."""
    client_id: Annotated[str, Field(min_length=1)]
    client_secret: SecretStr
    feeds: dict[str, HttpUrl]
    """Base URL of every service whose events are consumed, by service name."""

    installation: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,30}$")] = "pharos"
    """Prefix of every subject and stream, so that two installations can share a broker."""
    partitions: Annotated[int, Field(ge=1, le=64)] = 1
    fiscal_year_start_month: Annotated[int, Field(ge=1, le=12)] = 1
    time_zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    """Whose days are those of business: from when on somebody belongs elsewhere, what today is."""

    public_url: HttpUrlOrNone = ""
    """Where callers reach the services, each below its name: https://sales.example.com/api.

    Problem types and descriptions of the API then say it in full; without it they begin with
    ``/<service>/``, which holds wherever the gateway is at the top of its host.
    """
    pool_size: Annotated[int, Field(ge=2, le=64)] = 8
    statement_timeout_ms: Annotated[int, Field(ge=100)] = 10_000
    acquire_timeout_ms: Annotated[int, Field(ge=100)] = 2_500
    """How long a request or a part of the background work waits for a connection of the pool."""
    lock_timeout_ms: Annotated[int, Field(ge=50)] = 3_000
    lease_seconds: Annotated[int, Field(ge=1)] = 6
    log_retention_days: Annotated[int, Field(ge=1)] = 35
    body_limit_bytes: Annotated[int, Field(ge=1024)] = 4_194_304
    webhook_http: bool = False
    """Whether webhooks may go to plain http addresses too."""
    webhook_networks: tuple[IPvAnyNetwork, ...] = ()
    """Networks besides the public internet that webhooks may go to."""
    webhook_timeout_seconds: Annotated[int, Field(ge=1, le=30)] = 15
    webhook_log_days: Annotated[int, Field(ge=1)] = 14
    slots: Annotated[int, Field(ge=1)] = 16
    """Requests that are worked on at once; twice the connections of the pool keep it busy."""
    queue_limit: Annotated[int, Field(ge=0)] = 200
    queue_ms: Annotated[int, Field(ge=1)] = 1_500
    """How many requests wait for a slot, and for how long, before they are sent away.

    In a queue that has stood for two thirds of that time, none waits for long any more.
    """
    rate_limit: Annotated[int, Field(ge=0)] = 12_000
    rate_window_seconds: Annotated[int, Field(ge=1)] = 60
    """Requests of one caller within so many seconds, in this process; 0: as many as it likes."""
    cors_origins: tuple[Origin, ...] = ()
    """Whose pages a browser lets call this service, or ``*`` alone for all; none by default."""
    stream_limit: Annotated[int, Field(ge=1)] = 500
    """How many event streams a process keeps open."""
    upload_limit_bytes: Annotated[int, Field(ge=1024)] = 268_435_456
    """How large a file may be that is sent to be imported in one request."""
    import_retention_days: Annotated[int, Field(ge=1)] = 35
    """How long the files and the results of ended imports are kept."""
    log_level: Annotated[str, Field(pattern=r"^(debug|info|warning|error)$")] = "info"
    failpoint: Annotated[str, AfterValidator(_failpoint)] = ""
    """Where a process of its own kills itself, as name@turn. For tests of faults, nothing else."""

    @property
    def installed(self) -> Installation:
        """Return what holds for the whole installation."""
        calendar = FiscalCalendar(self.fiscal_year_start_month)
        return Installation(self.partitions, calendar, _zone_of(self.time_zone))

    @property
    def webhook_reach(self) -> Reach:
        """Return how far webhooks may go."""
        return Reach(self.webhook_http, self.webhook_networks)
