"""The learning-rate range test, and three rates to compare: `worker.ask(range_test, …)`.

A fresh model takes one step at each of many rates that rise from far too low to far too high
(Smith, "Cyclical Learning Rates for Training Neural Networks", 2017, section 3.3; by a constant
factor, as in Gugger, "How Do You Find A Good Learning Rate", 2018). Its loss curve predicts the
result of a whole run at a fixed rate:

- **Too low.** While steps are small, the loss depends only on their sum: N steps at the rate r
  reach the loss that the test has when its rates add up to N·r. A rate is too low if all steps of
  the run together lower the loss by no more than `LITTLE`; half of that rate is marked.
- **Good.** A tenth of the rate with the lowest loss (Gugger). A short run gets a higher one, so
  that all its steps together go `FURTHER` than the test did up to its lowest loss. The rate is then
  tried for as many steps as a run has, at most `TRIAL`; if it fails, round rates around it are
  tried as well, and the best of them is marked if it does better.
- **Too high.** Above the rate at which the loss has risen back to its start. How far above differs,
  since a model may recover from a few such steps. So round rates from twice that rate are tried: a
  run no better than guessing after `TRIAL` steps will not become so. There may be none: a single
  layer that can separate all classes learns to at any rate, as the perceptron does (Novikoff, "On
  Convergence Proofs on Perceptrons", 1962).

A small training set is memorised before the rate is high; its loss is then 0 and so are its
gradients, and no rate raises it again. So the rate with the lowest loss is the first with about the
lowest loss, and the trials begin near it if the loss rises late or never.

The interface names `range_test`, so PyTorch is imported only when it is called.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.analysis.loading import progress_file
from mnistop.engine.config import RunConfig
from mnistop.engine.learning_rate import mean_share

if TYPE_CHECKING:
    from mnistop.engine.training.loop import Stepper

Floats = NDArray[np.float64]

LOWEST, HIGHEST = 1e-6, 1e3
"""The rates of the test; the highest is the highest that a run may have."""
PER_DECADE = 40, 160
"""Steps in which the rate rises tenfold; the second if the loss did not fall with the first."""
BLOWN_UP = 4.0
"""The test ends when the loss is this many times its value before the first step."""
SMOOTHED = 9
"""Losses around each rate that are averaged, so that one lucky batch decides nothing."""

LEARNED = 0.5
"""A run with a loss above this share of the first one has learned little, as for the coach."""
LITTLE = 0.1
"""The largest share by which a rate that is too low lowers the loss."""
AS_LOW = 0.02
"""A loss above the lowest by at most this share of the first one counts as equally low."""
FURTHER = 4
"""The least length of a run at a good rate, as a multiple of the test's."""
TRIAL = 200
"""Steps of a trial: eight epochs of the notebook's run."""
LOOKS = 20
"""Steps at the end of a trial whose median loss is its result. In a shorter trial all steps count,
and the loss before the first, as the training loss of an epoch is computed before each step."""
BEYOND = 2, 50
"""Trials begin and end at these multiples of the rate at which the loss was back."""
SOON = 10
"""The loss is back soon if it is at this multiple of the rate with the lowest loss."""
GUESSING = 0.97
"""A loss above this share of the first one is no better than guessing."""
AROUND = 30
"""If the good rate fails, rates between it divided by this and multiplied by it are tried."""


@dataclass(frozen=True)
class Trial:
    """The beginning of a run."""

    rate: float
    loss: float
    """Its training loss in the end; infinite if it diverged."""
    accuracy: float
    """The share of training images classified correctly then."""
    steps: int = TRIAL
    """The number of steps it had."""

    def has_failed(self, start: float, classes: int) -> bool:
        """Return whether it has learned nothing, in loss as in accuracy.

        A single layer may classify nearly all images correctly while its loss is huge for the rest.

        Args:
            start: the loss before the first step.
            classes: the number of classes.
        """
        return not self.loss < GUESSING * start and self.accuracy < (1 + 1 / classes) / 2

    def has_learned(self, start: float, steps: float) -> bool:
        """Return whether a run at this rate works, as far as the trial went.

        Args:
            start: the loss before the first step.
            steps: those of a whole run: by its end the loss must be halved, before that it must
                fall.
        """
        return self.loss < (LEARNED if self.steps >= round(steps) else 1 - LITTLE) * start


@dataclass(frozen=True, eq=False)
class RangeTest:
    """The curve of a range test, and the rates derived from it."""

    rates: Floats
    """Ascending, `(n,)`."""
    losses: Floats
    """The loss after the step at each rate, `(n,)`; the last one may be infinite."""
    start: float
    """The loss before the first step."""
    classes: int
    steps: float
    """Updates of a whole run of the configuration, each weighted by its share of the full rate."""
    too_low: float | None
    """A rate at which a run learns next to nothing; None if the test found none."""
    good: float | None
    """A rate that works; None if the run has too few steps for any."""
    too_high: float | None
    """A rate at which a run diverges, or is no better than guessing."""
    trials: tuple[Trial, ...]
    """The trials for `too_high`, in order."""
    good_trials: tuple[Trial, ...] = ()
    """The trials for `good`, in order."""

    @property
    def falls(self) -> bool:
        """True if the loss fell at any rate."""
        return self.too_low is not None

    @property
    def marks(self) -> dict[str, float]:
        """The rates that were found, by mark."""
        found = {"too low": self.too_low, "good": self.good, "too high": self.too_high}
        return {name: rate for name, rate in found.items() if rate is not None}

    @property
    def lowest(self) -> float:
        """The first rate at which the loss was as low as at any."""
        return float(self.rates[_lowest(self.losses, self.start)])

    def after_run(self, rate: float) -> float | None:
        """Return the final training loss of a whole run at a low rate; None for other rates.

        Args:
            rate: for example `too_low`.
        """
        summed = np.cumsum(self.rates)
        lowest = _lowest(self.losses, self.start)
        if rate * self.steps > summed[lowest]:
            return None
        before = np.interp(rate * self.steps, [0.0, *summed], [self.start, *smoothed(self.losses)])
        return float(before)


def range_test(config: RunConfig, progress: Path | None = None) -> RangeTest:
    """Find learning rates that are too low, good and too high for a configuration.

    Its own `lr` has no effect. Nothing is written; the same configuration gives the same result.

    Args:
        config: the hyperparameters.
        progress: a file to write the current activity to.

    Raises:
        MnistopError: the data or the device do not fit.
    """
    from mnistop.engine.data.sources import load_data
    from mnistop.engine.training.examples import make_examples
    from mnistop.engine.training.loop import Stepper

    report = progress_file(progress)
    examples = make_examples(load_data(config, report), config)
    classes = len(examples.class_names)

    def fresh() -> Stepper:
        return Stepper(config, examples)

    report("raising the learning rate step by step")
    for per_decade in PER_DECADE:
        rates, losses, start = _risen(fresh(), per_decade)
        low = _first(smoothed(losses) <= (1 - LITTLE) * start)
        if low is not None:
            break
    steps = fresh().steps_an_epoch * config.epochs * mean_share(config, 0, config.epochs)
    if low is None:
        return RangeTest(rates, losses, start, classes, steps, None, None, None, ())
    lowest, summed = _lowest(losses, start), np.cumsum(rates)
    too_low = summed[low] / steps / 2
    good = min(max(rates[lowest] / 10, FURTHER * summed[lowest] / steps), rates[lowest] / 2)
    back = _first((losses > start) & (np.arange(len(losses)) > lowest))
    highest = rates[-1 if back is None else back]
    trials: list[Trial] = []
    too_high = None
    for rate in _round_rates(BEYOND[0] * min(highest, SOON * rates[lowest]), BEYOND[1] * highest):
        report(f"trying the learning rate {rate:g}")
        trials.append(_tried(fresh(), rate))
        if trials[-1].has_failed(start, classes):
            too_high = rate
            break
    good_trials: list[Trial] = []
    if too_low < good / 2:
        report(f"trying the learning rate {in_one_digit(good):g}")
        below = min(HIGHEST, too_high or HIGHEST)
        good_trials = _tried_around(fresh, in_one_digit(good), 2 * too_low, below, steps, start)
    works = [trial for trial in good_trials if trial.has_learned(start, steps)]
    return RangeTest(
        rates,
        losses,
        start,
        classes,
        steps,
        too_low=in_one_digit(too_low),
        good=min(works, key=lambda trial: trial.loss).rate if works else None,
        too_high=too_high,
        trials=tuple(trials),
        good_trials=tuple(good_trials),
    )


def smoothed(losses: Floats) -> Floats:
    """Return the moving average of losses, `(n,)`; infinite ones count as very large."""
    most = 10 * losses[0]
    padded = np.pad(np.nan_to_num(losses, nan=most).clip(max=most), SMOOTHED // 2, mode="edge")
    return np.convolve(padded, np.full(SMOOTHED, 1 / SMOOTHED), "valid")


def in_one_digit(rate: float) -> float:
    """Round a rate to one digit, as one would type it: 0.05 for 0.0531."""
    return float(f"{rate:.1g}")


def _risen(training: Stepper, per_decade: int) -> tuple[Floats, Floats, float]:
    start, _ = training.evaluate()
    decades = math.log10(HIGHEST / LOWEST)
    rates = LOWEST * 10 ** np.linspace(0, decades, round(decades * per_decade) + 1)
    losses: list[float] = []
    for rate in rates.tolist():
        training.step(rate)
        losses.append(training.evaluate()[0])
        if not losses[-1] <= BLOWN_UP * start:
            break
    found = np.array(losses)
    return rates[: len(found)], np.where(np.isfinite(found), found, np.inf), start


def _lowest(losses: Floats, start: float) -> int:
    """Return the place of the first loss that is as low as any, after smoothing."""
    smooth = smoothed(losses)
    return int((smooth <= smooth.min() + AS_LOW * start).argmax())


def _tried(training: Stepper, rate: float, steps: int = TRIAL) -> Trial:
    looks = [training.evaluate()] if steps < LOOKS else []
    for step in range(steps):
        training.step(rate)
        if step >= steps - LOOKS:
            looks.append(training.evaluate())
    loss, accuracy = np.median(looks, axis=0).tolist()
    return Trial(rate, loss if math.isfinite(loss) else math.inf, accuracy, steps)


def _tried_around(
    fresh: Callable[[], Stepper], good: float, low: float, below: float, steps: float, start: float
) -> list[Trial]:
    """Try a rate that should be good and, if it fails, others around it."""
    count = max(1, min(TRIAL, round(steps)))
    trials = [_tried(fresh(), good, count)]
    if not trials[0].has_learned(start, steps):
        others = _round_rates(max(low, good / AROUND), min(below, good * AROUND))
        trials += [_tried(fresh(), rate, count) for rate in others if rate < below]
    return trials


def _round_rates(low: float, high: float) -> list[float]:
    """Return the rates with one digit, 1, 2, 3 or 5, in a range."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    rates = [float(f"{digit}e{exponent}") for exponent in exponents for digit in (1, 2, 3, 5)]
    return [rate for rate in rates if low <= rate <= min(high, HIGHEST)]


def _first(where: NDArray[np.bool_]) -> int | None:
    found = np.flatnonzero(where)
    return int(found[0]) if len(found) else None
