"""The directory knows by what names other systems know the members, filled with those that are."""

from pathlib import Path

from shared.migrate import MEMBERS_ELSEWHERE, run_file

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    run_file(MEMBERS_ELSEWHERE)
    run_file(Path(__file__).with_suffix(".sql"))
