"""Changes are kept in an audit trail."""

from shared.migrate import AUDIT, run_file

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    run_file(AUDIT)
