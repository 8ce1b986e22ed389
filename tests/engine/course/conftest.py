"""The checks of a file's parts in this process, and the checker as the command uses it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sklearn.model_selection  # noqa: F401  # which students use, and which takes seconds
import torch
import torch._dynamo  # which the first optimizer of `torch.optim` imports

from mnistop.engine.course.checker import Checker
from mnistop.engine.course.findings import Finding, are_right
from mnistop.engine.course.parts import check_part, warm_up
from mnistop.engine.course.source import Source

Check = Callable[..., list[Finding]]


@pytest.fixture(scope="session")
def checker() -> Iterator[Checker]:
    with Checker() as one:
        yield one


@pytest.fixture
def check(checker: Checker, tmp_path: Path) -> Check:
    """Write a file and check it as the command does."""

    def check_text(text: str) -> list[Finding]:
        path = tmp_path / "loop.py"
        path.write_text(text, encoding="utf-8")
        return checker.check(path)

    return check_text


@pytest.fixture
def check_here(tmp_path: Path) -> Iterator[Check]:
    """Check a file, or some of its parts, in this process."""
    threads = torch.get_num_threads()
    warm_up()

    def check_text(text: str, *parts: str) -> list[Finding]:
        source = Source(str(tmp_path / "loop.py"), text)
        if not source.has_functions:
            return check_part(source, "script")
        found = []
        for part in parts or ("MLP", "train_step", "evaluate"):
            found += check_part(source, part)
        if not parts:
            found += check_part(source, "loop" if are_right(found) else "unrun loop")
        return found

    yield check_text
    torch.set_num_threads(threads)
