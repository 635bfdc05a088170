"""The databases of a stack that another process runs in a data folder."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from deploy.installation import SERVICES
from deploy.local.account import unprivileged_account
from deploy.local.cluster import Cluster
from deploy.local.errors import EmbeddedError
from deploy.local.place import settle
from deploy.local.ports import LOOPBACK
from deploy.local.provision import DATABASE, kept_passwords, role_of, with_user
from deploy.local.stack import DATABASE_VARIABLE


class NothingRuns(EmbeddedError):
    """There is no running installation in the folder."""


def service_dsns(folder: Path) -> Mapping[str, str]:
    """Return each service's own DSN; raises NothingRuns. Nothing is started or written."""
    if not folder.is_dir():
        raise NothingRuns(f"There is no installation in {folder}; name its folder by --data.")
    settled = settle(folder, unprivileged_account(), lambda _: None)
    secrets = settled / "secrets" / "roles.json"
    if not secrets.exists():
        raise NothingRuns(f"There is no installation in {folder}; name its folder by --data.")
    passwords = kept_passwords(secrets)
    server = os.environ.get(DATABASE_VARIABLE) or _embedded(settled, folder)
    return {
        service: with_user(server, DATABASE, role_of(service), passwords[role_of(service)])
        for service in SERVICES
    }


def _embedded(settled: Path, asked: Path) -> str:
    port = Cluster(settled / "postgres", settled, None).running_port()
    if port is None:
        raise NothingRuns(
            f"Nothing runs in {asked}. Start it: pharos run --data {quote(str(asked))}"
        )
    return f"postgresql://{LOOPBACK}:{port}/"
