"""The knowledge service."""

from pathlib import Path

from services.knowledge.wins import api as wins
from services.knowledge.wins.reactions import DEALS
from shared.directory.reactions import DIRECTORY
from shared.http.service import Service

SERVICE = Service(
    name="knowledge",
    title="Pharos knowledge",
    description="What the organisation learns. For now it listens, and counts the won deals.",
    routers=(wins.router,),
    migrations=Path(__file__).parent / "migrations",
    subscriptions=(DEALS, DIRECTORY),
)
