"""What others make of our documents: a linter, types for TypeScript, a client that uses them."""

import json
import shutil
from pathlib import Path

from tests.contract.documents import SERVICES, openapi_of
from tests.contract.node import run

HERE = Path(__file__).parent


def write(service: str, folder: Path) -> str:
    """Write the document of a service into a folder; return the name of the file."""
    file = folder / f"{service}.json"
    file.write_text(json.dumps(openapi_of(service)), encoding="utf-8")
    return file.name


def test_the_linter_finds_nothing(tmp_path: Path) -> None:
    shutil.copy(HERE / "redocly.yaml", tmp_path)
    files = [write(service, tmp_path) for service in SERVICES]
    run("redocly", "lint", "--max-problems=20", *files, folder=tmp_path)


def test_types_for_typescript_compile_with_a_client_that_uses_them(tmp_path: Path) -> None:
    for file in (HERE / "typescript").iterdir():
        shutil.copy(file, tmp_path)
    for service in SERVICES:
        run(
            "openapi-typescript",
            write(service, tmp_path),
            "--output",
            f"{service}.ts",
            folder=tmp_path,
        )
    run("tsc", "--project", "tsconfig.json", folder=tmp_path)
