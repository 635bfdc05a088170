"""Counted wins, with the chassis for events and requests."""

from pathlib import Path

from shared.migrate import CHASSIS, run_file

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    run_file(CHASSIS)
    run_file(Path(__file__).with_suffix(".sql"))
