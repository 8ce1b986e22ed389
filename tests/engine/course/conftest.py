"""The checker in a process of its own, as the command uses it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mnistop.engine.course.checker import Checker
from mnistop.engine.course.findings import Finding


@pytest.fixture(scope="session")
def checker() -> Iterator[Checker]:
    with Checker() as one:
        yield one


@pytest.fixture
def check(checker: Checker, tmp_path: Path) -> Callable[[str], list[Finding]]:
    """Write a file and check it."""

    def check_text(text: str) -> list[Finding]:
        path = tmp_path / "loop.py"
        path.write_text(text, encoding="utf-8")
        return checker.check(path)

    return check_text
