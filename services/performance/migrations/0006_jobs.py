"""Import jobs: uploads, mapping profiles, and what became of each row."""

from shared.migrate import JOBS, run_file

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    run_file(JOBS)
