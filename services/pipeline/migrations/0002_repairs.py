"""Repairs of readers are kept on record."""

from shared.migrate import REPAIRS, run_file

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    run_file(REPAIRS)
