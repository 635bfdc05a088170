"""The pipeline service."""

from pathlib import Path

from services.pipeline.accounts import api as accounts
from services.pipeline.accounts.imports import api as account_files
from services.pipeline.deals import api as deals
from services.pipeline.deals.commands import snapshot as deals_now
from services.pipeline.deals.imports import api as deal_files
from services.pipeline.deals.rules import STEPS
from services.pipeline.deals.sharing.commands import catch_up
from services.pipeline.products import api as products
from services.pipeline.products.imports import api as product_files
from shared.directory.reactions import DIRECTORY
from shared.http.service import Service
from shared.runtime import Chore

SERVICE = Service(
    name="pipeline",
    title="Pharos pipeline",
    description="Accounts, products and deals, from open to won or lost.",
    routers=(accounts.router, products.router, deals.router),
    migrations=Path(__file__).parent / "migrations",
    subscriptions=(DIRECTORY,),
    chores=(Chore(catch_up),),
    snapshots={"deals": deals_now},
    importers=(account_files.IMPORTER, product_files.IMPORTER, deal_files.IMPORTER),
    transitions={"deals": STEPS},
)
