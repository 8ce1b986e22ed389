from collections.abc import Iterator
from pathlib import Path

import pytest

from mnistop.engine.recording import endings, loop_writer


@pytest.fixture
def alone(runs_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Loops record in this process as if it were the only one, and write without delay."""
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MNISTOP_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(loop_writer, "TICK_SECONDS", 0.02)
    yield
    endings._at_exit()
