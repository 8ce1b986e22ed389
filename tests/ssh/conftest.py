import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import runs, worker


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Holds the runs; those that are still going on are ended afterwards."""
    monkeypatch.setenv("MNISTOP_RUNS", str(tmp_path / "mnistop_runs"))
    yield tmp_path
    for run in runs.list_runs():
        if process := run.process_id():
            os.kill(process, signal.SIGKILL)
    worker.close()
