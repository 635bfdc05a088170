"""The checks look at the files that are really there."""

import ast

from tests.architecture.source import ROOT, Source, sources


def test_every_python_file_of_the_product_is_looked_at() -> None:
    for folder in ("services", "shared", "deploy", "tests"):
        seen = {source.path for source in sources(folder)}
        present = {p.relative_to(ROOT).as_posix() for p in (ROOT / folder).rglob("*.py")}
        assert seen == present
        assert seen, folder


def test_every_file_can_be_parsed() -> None:
    for folder in ("services", "shared", "deploy", "tests"):
        for source in sources(folder):
            assert isinstance(source.tree, ast.Module)


def test_imports_name_the_thing_that_is_imported() -> None:
    source = Source("a.py", "import os.path\ndef f():\n    from shared.ids import new_id as make")
    assert [(i.line, i.target) for i in source.imports()] == [
        (1, "os.path"),
        (3, "shared.ids.new_id"),
    ]
