from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import worker
from tests.engine.small_runs import kill_all


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Holds the runs; those that are still going on are ended afterwards."""
    monkeypatch.setenv("MNISTOP_RUNS", str(tmp_path / "mnistop_runs"))
    yield tmp_path
    kill_all()
    worker.close()
