"""The learning-rate screen with a made-up range test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistop.engine import worker
from mnistop.engine.analysis.learning_rate_finder import RangeTest, Trial
from mnistop.engine.config import RunConfig
from mnistop.engine.errors import MnistopError
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.tui.features.rates.panes import RateCurve
from mnistop.tui.features.rates.screen import RatesScreen
from tests.helpers import made_up
from tests.helpers.dashboard import Dashboard, Workers

SIZES = [(120, 40), (80, 24), (60, 16)]
SWEEP = "20260101-120000-calm-otter"


def made_up_test() -> RangeTest:
    """The loss falls from 1e-3 on, is lowest at 0.5, and shoots up at 2."""
    rates = 10 ** np.linspace(-6, 0.5, 261)
    losses = np.where(rates < 1, 2.3 - 2 * rates / (rates + 0.1), 20.0)
    trials = (Trial(2.0, 1.7, 0.4), Trial(3.0, 2.32, 0.11))
    return RangeTest(rates, losses, 2.303, 10, 2500, 0.0002, 0.05, 3.0, trials)


@dataclass
class Finder:
    """Stands in for the process that answers at leisure, and for sweeps."""

    folder: Path
    answer: RangeTest = field(default_factory=made_up_test)
    refuses: MnistopError | None = None
    asked: list[RunConfig] = field(default_factory=list)
    launched: list[RunConfig] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    alive: ExitStack = field(default_factory=ExitStack)
    """Holds the lock of the sweep's process."""

    async def ask(self, question: Callable[..., Any], config: RunConfig, said: Path) -> RangeTest:
        assert question.__name__ == "range_test"
        self.asked.append(config)
        if self.refuses:
            raise self.refuses
        return self.answer

    def launch_sweep(self, configs: list[RunConfig], title: str) -> Sweep:
        if self.refuses:
            raise self.refuses
        self.launched = list(configs)
        sweep = Sweep(self.folder / SWEEP)
        sweep.path.mkdir(parents=True)
        (sweep.path / "lock").write_text("")
        self.alive.enter_context(made_up.training(Run(sweep.path)))
        return sweep

    def begin(self, number: int) -> tuple[str, Any]:
        """Create a member, and a function that appends its events."""
        name = f"{SWEEP}.{number:02}"
        run = made_up.write_run(self.folder, [], self.launched[number - 1], name)
        return name, lambda *said: made_up.say(run, said)


@pytest.fixture
def finder(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> Iterator[Finder]:
    fake = Finder(workers.folder)
    monkeypatch.setattr(worker, "ask_at_low_priority", fake.ask)
    monkeypatch.setattr(worker, "launch_sweep", fake.launch_sweep)
    ask_to_stop = worker.stop

    def stop(asked: Run | Sweep) -> None:
        fake.stopped.append(asked.name)
        ask_to_stop(asked)

    monkeypatch.setattr(worker, "stop", stop)
    with fake.alive:
        yield fake


async def find(shown: Dashboard) -> RatesScreen:
    await shown.press("f")
    await shown.until_shown("For whole runs, each of 2,500 steps")
    assert isinstance(shown.app.screen, RatesScreen)
    return shown.app.screen


def curve(shown: Dashboard) -> RateCurve:
    return shown.app.screen.query_one(RateCurve)
