"""Plans are listed by name, too."""

from pathlib import Path

from shared.migrate import run_file

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    run_file(Path(__file__).with_suffix(".sql"))
