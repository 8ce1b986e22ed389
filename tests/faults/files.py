"""Every file of a small run damaged in every way, and all readers let loose on it."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import torch

from mnistop.engine import worker
from mnistop.engine.config import RunConfig
from mnistop.engine.errors import MnistopError
from mnistop.engine.runs import checkpoint
from mnistop.engine.runs.predictions import WEIGHTS_FILE
from mnistop.engine.runs.run_folder import Run
from tests.faults import damage, readers
from tests.helpers.waiting import wait_until

_DRAWN = 29
"""The story of every so many-th damaged run is drawn too, with its charts and pictures."""


@dataclass
class Report:
    """The trials and their results."""

    tried: Counter[str] = field(default_factory=Counter)
    """How often, by the kind of the damage."""
    failures: list[str] = field(default_factory=list)

    def tell(self) -> None:
        """Prints the counts, and what failed."""
        for kind, count in self.tried.items():
            print(f"{kind}: {count:,}")
        print(f"damaged in all: {self.tried.total():,}, failures: {len(self.failures)}")
        for failure in self.failures[:20]:
            print(f"  FAILED: {failure}")


def small_run() -> Run:
    """A finished run whose files are as small as can be."""
    config = RunConfig(source="digits", samples=40, epochs=3, hidden=(2,), batch_size=16)
    run = worker.launch(config)
    wait_until(lambda: not run.is_running(), seconds=1000)
    return run


def damage_everything(trace: Path, step: int = 1) -> Report:
    """Damages the files of a run one after the other.

    Args:
        trace: a folder that is not there, and is made if anything is executed.
        step: every so many-th offset is tried.
    """
    torch.set_num_threads(1)
    run, other = small_run(), small_run()
    report = Report()
    for path in readers.files_of(run):
        content = path.read_bytes()
        name = str(path.relative_to(run.path))
        for kind, contents in {
            "cut off": damage.truncations(content, step),
            "a byte changed": damage.flips(content, step),
            "foreign": damage.FOREIGN.values(),
            "a pickle that would execute": damage.traps(trace),
        }.items():
            _try(run, other, path, kind, contents, report)
        for kind in damage.KINDS:
            damage.put_another_kind(path, kind)
            _look(run, other, path, f"{name}: {kind}", report)
            report.tried["no file in its place"] += 1
        damage.restore(path, content)
        if trace.exists():
            report.failures.append(f"{name}: something was executed")
            trace.rmdir()
    return report


def _try(
    run: Run, other: Run, path: Path, kind: str, contents: Iterable[bytes], report: Report
) -> None:
    for number, content in enumerate(contents):
        path.write_bytes(content)
        what = f"{path.relative_to(run.path)}: {kind}, number {number}"
        _look(run, other, path, what, report, draw=number % _DRAWN == 0)
        report.tried[kind] += 1


def _look(run: Run, other: Run, path: Path, what: str, report: Report, draw: bool = True) -> None:
    try:
        if path.suffix == ".pt":
            with contextlib.suppress(MnistopError):
                checkpoint.load(path)
            readers.look_at_weights(run, None, draw)
        elif path.name == WEIGHTS_FILE:
            for epochs in (0, 2):
                readers.look_at_weights(run, epochs, draw)
        elif path.name != "log.txt":
            readers.look(run, [other], draw)
    except Exception as error:
        report.failures.append(f"{what}: {type(error).__name__}: {error}")
