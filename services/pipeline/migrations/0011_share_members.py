"""Deals whose members are not those of their shares are found at once."""

from pathlib import Path

from shared.migrate import run_file

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    run_file(Path(__file__).with_suffix(".sql"))
