"""Operations are listed by when they were made."""

from shared.migrate import JOBS_BY_TIME, run_file

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    run_file(JOBS_BY_TIME)
