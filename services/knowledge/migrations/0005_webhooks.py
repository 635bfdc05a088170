"""Webhooks: subscriptions to the service's events, and the log of their deliveries."""

from shared.migrate import WEBHOOKS, run_file

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    run_file(WEBHOOKS)
