"""Real files, where somebody has put them: the folder that PHAROS_TEST_DATA names."""

import os
from datetime import datetime
from pathlib import Path

import pytest

from tests.architecture.source import ROOT


def folder_of_samples(name: str) -> Path:
    """Return a folder of real files, or skip the test with a word."""
    shared = ROOT.parent / "shared" / "data"
    folder = Path(os.environ.get("PHAROS_TEST_DATA", shared)) / name
    if not folder.is_dir():
        pytest.skip(f"the real files are not at {folder}; set PHAROS_TEST_DATA")
    return folder


def moment(*parts: int) -> datetime:
    """Return a moment as a spreadsheet has it: without a zone."""
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001
