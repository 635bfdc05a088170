"""Who belongs where and which unit is below which, filled with the organisation as it is."""

from pathlib import Path

from shared.migrate import DIRECTORY, run_file

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    run_file(DIRECTORY)
    run_file(Path(__file__).with_suffix(".sql"))
