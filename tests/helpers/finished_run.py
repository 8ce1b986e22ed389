"""A run that a real training process has finished, in a folder of its own."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mnistop.engine import worker
from mnistop.engine.runs.run_folder import Run
from tests.helpers.small_runs import digits_config, until


@contextmanager
def finished_run(folder: Path, **values: Any) -> Iterator[Run]:
    """Trains on the 8 × 8 digits, and closes the pool process in the end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MNISTOP_RUNS", str(folder / "runs"))

        async def whole() -> Run:
            run = await asyncio.to_thread(worker.launch, digits_config(**values))
            await until(run, lambda history: history.ended)
            return run

        yield asyncio.run(whole())
    worker.close()
