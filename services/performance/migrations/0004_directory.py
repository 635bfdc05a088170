"""Who belongs where and which unit is below which, as the organisation's events tell it."""

from shared.migrate import DIRECTORY, run_file

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    run_file(DIRECTORY)
