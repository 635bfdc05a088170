"""The performance service."""

from pathlib import Path

from services.performance.assignments import api as assignments
from services.performance.assignments.imports import api as assignment_files
from services.performance.credits import api as credits_ledger
from services.performance.credits.reactions import DEALS
from services.performance.incentives import api as incentives
from services.performance.incentives.commands import recalculate_marked
from services.performance.incentives.queries import failed, waiting
from services.performance.plans import api as plans
from services.performance.quotas.reactions import TARGETS
from services.performance.statements import api as statements
from shared.directory.reactions import DIRECTORY
from shared.events.watch import Figure
from shared.http.service import Service
from shared.runtime import Chore

SERVICE = Service(
    name="performance",
    title="Pharos performance",
    description="Plans, credits, and the incentives that follow from them, explained to the cent.",
    routers=(
        plans.router,
        assignments.router,
        credits_ledger.router,
        incentives.router,
        statements.router,
    ),
    migrations=Path(__file__).parent / "migrations",
    subscriptions=(DEALS, TARGETS, DIRECTORY),
    chores=(Chore(recalculate_marked),),
    importers=(assignment_files.IMPORTER,),
    figures=(
        Figure("recalculations_waiting", "Payees who wait to be worked out again.", waiting),
        Figure("recalculations_failed", "Payees who could not be worked out.", failed),
    ),
)
