"""Reports that are written from a screen."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from textual.screen import Screen

from mnistop.engine.errors import MnistopError
from mnistop.engine.runs.run_folder import Run


async def write_report(screen: Screen[None], runs: Sequence[Run]) -> None:
    """Writes a run, or several compared, as an HTML file in the current folder and says where."""
    try:
        path = await asyncio.to_thread(_write, runs)
    except MnistopError as error:
        screen.notify(str(error), severity="error", markup=False)
    else:
        screen.notify(f"Report written to {path}", markup=False)


def _write(runs: Sequence[Run]) -> Path:
    from mnistop.engine.report.compose import write_report

    return write_report(runs, Path.cwd())
