"""One installation of real processes for the scenarios that leave it as they found it.

A scenario that wipes, poisons or restores has one of its own: ``installed`` in installation.py.
"""

from collections.abc import AsyncIterator

import pytest

from tests.flow.world import World
from tests.resilience.installation import Installation, installed
from tests.resilience.persistent import enduring
from tests.resilience.scale import FULL, SEED

RECEIVERS = {
    "webhook_http": True,
    "webhook_networks": ["127.0.0.0/8"],
    "webhook_timeout_seconds": 1,
}
"""Receivers of webhooks are on this machine."""


def pytest_report_header() -> str:
    return f"chaos: PHAROS_CHAOS={'full' if FULL else 'short'} PHAROS_CHAOS_SEED={SEED}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what each scenario counted (``record_property``): how much was really tried."""
    for report in terminalreporter.getreports("passed"):
        if report.when == "call" and report.user_properties:
            counted = ", ".join(f"{name} {count}" for name, count in report.user_properties)
            terminalreporter.write_line(f"{report.nodeid}: {counted}")


@pytest.fixture(scope="session")
async def installation() -> AsyncIterator[Installation]:
    # Durable: whoever kills a database session must find what was answered before.
    async with installed(durable=True, settings={"partitions": 3, **RECEIVERS}) as made:
        yield made


@pytest.fixture
async def world(installation: Installation) -> AsyncIterator[World]:
    async with enduring(installation.stack) as made:
        yield made
