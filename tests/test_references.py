"""The files and modules that documents and docstrings name, which must exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
SOURCES = [path for top in ("engine", "tui", "tests") for path in (ROOT / top).rglob("*.py")]

PATH = re.compile(r"`((?:engine|tui|tests|docs)/[\w./]*)`")
MODULE = re.compile(r"`mnistop\.((?:engine|tui)(?:\.[a-z_]+)+)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_path_in_a_document_exists(document: Path) -> None:
    paths = PATH.findall(document.read_text("utf-8"))
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_module_in_a_docstring_exists() -> None:
    named = {
        (str(path.relative_to(ROOT)), name)
        for path in [*DOCUMENTS, *SOURCES]
        for name in MODULE.findall(path.read_text("utf-8"))
    }
    assert len(named) > 10
    assert [each for each in sorted(named) if not is_module_or_in_one(each[1])] == []


def is_module_or_in_one(name: str) -> bool:
    """Return whether a dotted name is that of a module, or of something defined in one."""
    path = ROOT.joinpath(*name.split("."))
    if path.is_dir() or path.with_suffix(".py").exists():
        return True
    for module in (path.parent.with_suffix(".py"), path.parent / "__init__.py"):
        if module.exists():
            return re.search(rf"\b{path.name}\b", module.read_text("utf-8")) is not None
    return False
