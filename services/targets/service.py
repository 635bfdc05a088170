"""The targets service."""

from pathlib import Path

from services.targets.attainment import api as attainment
from services.targets.attainment.commands import repost
from services.targets.attainment.queries import marked
from services.targets.attainment.reactions import DEALS
from services.targets.org import api as org
from services.targets.org.directory.commands import LOOK_SECONDS, catch_up
from services.targets.org.imports import api as organisation_files
from services.targets.targets import api as targets
from services.targets.targets.commands import snapshot as targets_now
from services.targets.targets.imports import api as target_files
from shared.directory.queries import snapshot as organisation_now
from shared.events.watch import Figure
from shared.http.service import Service
from shared.runtime import Chore

SERVICE = Service(
    name="targets",
    title="Pharos targets",
    description="The organisation, its targets, and how far they are attained.",
    routers=(org.router, targets.router, attainment.router),
    migrations=Path(__file__).parent / "migrations",
    subscriptions=(DEALS,),
    chores=(Chore(repost), Chore(catch_up, LOOK_SECONDS)),
    snapshots={"organisation": organisation_now, "targets": targets_now},
    importers=(organisation_files.UNITS, organisation_files.MEMBERS, target_files.IMPORTER),
    figures=(Figure("reposts_waiting", "Facts that wait to be posted again.", marked),),
)
