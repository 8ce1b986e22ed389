"""Runs at the marks of a range test, trained as a sweep and laid over each other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from mnistop.engine import worker
from mnistop.engine.analysis.learning_rate_finder import RangeTest
from mnistop.engine.analysis.learning_rates import (
    RateAssessment,
    Recommendation,
    assess_rate,
    recommend,
)
from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import absolute
from mnistop.engine.runs.history import or_nan
from mnistop.engine.runs.predictions import load_predictions
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.tui.session.compared import ComparedRun, Comparison
from mnistop.tui.text.rates import conclusion, rate_text, run_result

TITLE = "learning rates"


def test_settings(config: RunConfig) -> RunConfig:
    """Return the settings that a range test depends on: without a learning rate of its own."""
    return replace(config, lr=RunConfig().lr, source=absolute(config.source))


def train_at(config: RunConfig, test: RangeTest) -> RateComparison:
    """Start a run at each mark, all else being the same.

    Args:
        config: the hyperparameters, `lr` apart.
        test: their range test.

    Raises:
        MnistopError: the data or the device do not fit, or no folder can be made.
    """
    base = replace(config, source=absolute(config.source))
    configs = {mark: replace(base, lr=rate) for mark, rate in test.marks.items()}
    return RateComparison(worker.launch_sweep(list(configs.values()), TITLE), configs, test)


class RateComparison(Comparison):
    """The runs at the marks, and the verdicts on their learning rates.

    Args:
        sweep: whose members they are.
        configs: their hyperparameters by their marks, in the sweep's order.
        test: the range test that these are the marks of.
    """

    def __init__(self, sweep: Sweep, configs: Mapping[str, RunConfig], test: RangeTest) -> None:
        super().__init__(
            [
                ComparedRun(sweep.member(number), f"{mark} {rate_text(config.lr)}", config)
                for number, (mark, config) in enumerate(configs.items(), start=1)
            ]
        )
        self.sweep = sweep
        self.marks = list(configs)
        self.test = test
        self.tested = test_settings(next(iter(configs.values())))
        """The hyperparameters of all, as `test_settings` has them."""
        self.answers = [assess_rate(one.history, one.config, None) for one in self.runs]
        self._is_running = True

    @property
    def is_over(self) -> bool:
        """True once all runs have ended."""
        return not self._is_running

    @property
    def start(self) -> float:
        """The loss before training, of the first run that has measured it; ln 10 before."""
        losses = (or_nan(one.history.started.val_loss) for one in self.runs if one.history.started)
        return next(losses, math.log(10))

    @property
    def recommended(self) -> Recommendation:
        """The rate to train with, judging by the runs."""
        return recommend(self.test, self._answers_by_mark)

    @property
    def next_rate(self) -> float | None:
        """The recommended rate, else one to try; None if there is neither."""
        found = self.recommended
        return found.to_try if found.rate is None else found.rate

    @property
    def conclusion(self) -> str:
        """The recommended rate, in sentences; empty while the runs go on."""
        return conclusion(self.test, self._answers_by_mark) if self.is_over else ""

    @property
    def _answers_by_mark(self) -> dict[str, RateAssessment]:
        return dict(zip(self.marks, self.answers, strict=True))

    def read(self) -> bool:
        """Read the runs' new events; return whether anything has changed."""
        alive = self.sweep.is_running()  # first, so that the last events are read below
        found = super().read()
        if found:
            self.answers = [_answer(one) for one in self.runs]
        ended, self._is_running = self._is_running and not alive, alive
        return found or ended

    def state(self, place: int) -> str:
        """Return the progress of a run, as `epoch 12 of 100` or `finished`."""
        one = self.runs[place]
        state = one.history.state(self._is_running)
        if not one.history.started:
            return "waiting" if self._is_running else "not trained"
        if state in ("running", "paused"):
            return f"epoch {len(one.history.epochs)} of {one.config.epochs}"
        return "diverged" if getattr(one.history.ended, "diverged", False) else state

    def result(self, place: int) -> str:
        """Return the progress and the accuracy of a run, in words."""
        return run_result(self.state(place), self.answers[place], self.marks[place])


def _answer(one: ComparedRun) -> RateAssessment:
    history = one.history
    predictions = None
    if history.started:
        classes = len(history.started.class_names)
        predictions = load_predictions(one.run, len(history.epochs), classes)
    return assess_rate(history, one.config, predictions)
