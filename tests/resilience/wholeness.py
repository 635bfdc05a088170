"""What closes every scenario: all has followed, and nothing is lost, doubled or wrong."""

from deploy.local.stack import Stack
from tests.flow.settling import settled


async def whole(stack: Stack, seconds: float = 30) -> None:
    """Wait until the chain has followed, then check all that is stored; raises AssertionError."""
    await settled(stack, seconds)
