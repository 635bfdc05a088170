"""The directory knows by what names other systems know the members."""

from shared.migrate import MEMBERS_ELSEWHERE, run_file

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    run_file(MEMBERS_ELSEWHERE)
