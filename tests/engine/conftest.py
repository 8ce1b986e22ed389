from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from mnistop.engine import worker
from tests.helpers import small_runs


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def runs_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder for the runs of a test, whose processes end with the test."""
    folder = tmp_path / "runs"
    monkeypatch.setenv("MNISTOP_RUNS", str(folder))
    yield folder
    small_runs.kill_all()
    worker.close()
