"""Products are listed by name, too."""

from pathlib import Path

from shared.migrate import run_file

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    run_file(Path(__file__).with_suffix(".sql"))
