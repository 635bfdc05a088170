"""The four documents, read by a program that knows nothing else of us: schemathesis.

It draws what a schema admits and what it refuses, and holds the answers to the document. Our own
corpus holds them to nothing but soundness, and throws what no schema speaks of: bytes that are no
JSON, numbers that break parsers, escapes in addresses. Neither finds what the other does.
"""

import asyncio
import sys
from pathlib import Path

import pytest

from deploy.installation import SERVICES
from tests.hostile.conftest import Target
from tests.resilience.scale import scaled

HERE = Path(__file__).parent
PROGRAM = Path(sys.executable).with_name("schemathesis")
HOW_MUCH = scaled(
    ("--phases=fuzzing", "--max-examples=4"),
    ("--phases=examples,coverage,fuzzing,stateful", "--max-examples=50"),
)


@pytest.mark.parametrize("service", SERVICES)
async def test_the_answers_are_as_the_document_says(target: Target, service: str) -> None:
    below = f"{target.stack.base_url}/{service}"
    program = await asyncio.create_subprocess_exec(
        PROGRAM,
        f"--config-file={HERE / 'schemathesis.toml'}",
        "run",
        f"{below}/v1/openapi.json",
        f"--url={below}",
        f"--header=Authorization: Bearer {target.token}",
        *HOW_MUCH,
        cwd=HERE.parent.parent,  # it imports its checks from there
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await program.communicate()
    finally:
        if program.returncode is None:
            program.kill()
    assert program.returncode == 0, said.decode()
