"""The learning-rate range test, and three rates to compare: `worker.ask(range_test, …)`.

A fresh model takes one step at each of many rates that rise from far too low to far too high
(Smith, "Cyclical Learning Rates for Training Neural Networks", 2017, section 3.3; by a constant
factor, as in Gugger, "How Do You Find A Good Learning Rate", 2018). The curve of its loss tells
where a whole run would stand at a fixed rate:

- **Too low.** While steps are small, the loss depends on their sum alone: N steps at the rate r
  reach what the test has reached once its rates add up to N·r. A rate is too low if all steps of
  the run together bring the loss down by no more than `LITTLE`, and half of that rate is marked.
- **Good.** A tenth of the rate with the lowest loss (Gugger). A short run gets more, so much that
  all its steps together go `FURTHER` than the test went until its loss was lowest. The rate is then
  tried for as many steps as a run has, `TRIAL` at most; where it fails, round rates around it are
  tried as well, and the best of these is marked if it does better.
- **Too high.** Beyond the rate at which the loss has climbed back to where it began. How far
  beyond differs, since a model may recover from a few such steps. So from twice that rate on
  round rates are tried: a run no better than guessing after `TRIAL` steps will not become so.
  There may be none: where a single layer can tell all classes apart, it learns to at any rate, as
  the perceptron does (Novikoff, "On Convergence Proofs on Perceptrons", 1962).

A few images are known by heart before the rate is high; their loss is then 0 and so are their
gradients, and no rate brings it back. So the rate with the lowest loss is the first that is about
as low as any, and the trials begin near it where the loss comes back late or never.

The interface names `range_test`, so PyTorch is imported when it is called only.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.config import RunConfig
from mnistop.engine.learning_rate import mean_share

if TYPE_CHECKING:
    from mnistop.engine.training.loop import Stepper

Floats = NDArray[np.float64]

LOWEST, HIGHEST = 1e-6, 1e3
"""The rates of the test; the highest is the highest that a run may have."""
PER_DECADE = 40, 160
"""Steps in which the rate rises tenfold; more where the loss did not fall in the first so many."""
BLOWN_UP = 4.0
"""The test ends when the loss is so many times what it was before the first step."""
SMOOTHED = 9
"""Losses around each rate whose mean is looked at, so that one lucky batch decides nothing."""

LEARNED = 0.5
"""A loss above this share of the first one has learned little, as for the coach."""
LITTLE = 0.1
"""The share of its loss that a run with a rate too low loses at most."""
AS_LOW = 0.02
"""A loss above the lowest by no more than this share of the first one is as low."""
FURTHER = 4
"""The least length of a run at a good rate, as a multiple of the test's."""
TRIAL = 200
"""Steps of a trial: eight epochs of the notebook's run."""
LOOKS = 20
"""Steps at the end of a trial whose median loss is its result; of a shorter trial all, and the loss
before the first, as the training loss of an epoch counts each step before it is taken."""
BEYOND = 2, 50
"""Trials begin and end at so many times the rate at which the loss was back."""
SOON = 10
"""The loss comes back, where it does so soon, at so many times the rate with the lowest."""
GUESSING = 0.97
"""A loss from this share of the first one on is no better than guessing."""
AROUND = 30
"""If a good rate fails, rates down to this fraction of it and up to this multiple are tried."""


@dataclass(frozen=True)
class Trial:
    """The beginning of a run."""

    rate: float
    loss: float
    """Its training loss in the end; infinite if it diverged."""
    accuracy: float
    """The share of training images that it then had right."""
    steps: int = TRIAL
    """The number of steps it had."""

    def has_failed(self, start: float, classes: int) -> bool:
        """Return whether it has learned nothing, in loss as in accuracy.

        A single layer may be right on nearly all images while its loss is huge for the few others.

        Args:
            start: the loss before the first step.
            classes: how many there are.
        """
        return not self.loss < GUESSING * start and self.accuracy < (1 + 1 / classes) / 2

    def has_learned(self, start: float, steps: float) -> bool:
        """Return whether a run at this rate works, as far as the trial went.

        Args:
            start: the loss before the first step.
            steps: those of a whole run: to its end the loss has to be halved, before it to fall.
        """
        return self.loss < (LEARNED if self.steps >= round(steps) else 1 - LITTLE) * start


@dataclass(frozen=True, eq=False)
class RangeTest:
    """The curve of a range test and what follows from it."""

    rates: Floats
    """Rising, `(n,)`."""
    losses: Floats
    """The loss after the step at each rate, `(n,)`; the last one may be infinite."""
    start: float
    """The loss before the first step."""
    classes: int
    steps: float
    """Updates of a whole run of the configuration, each by its share of the full rate."""
    too_low: float | None
    """A rate with which a run learns next to nothing; None where the test tells none."""
    good: float | None
    """A rate that works; None where the run has too few steps for any."""
    too_high: float | None
    """A rate with which a run diverges, or is no better than guessing."""
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
        """The rates that were found, by what they are."""
        found = {"too low": self.too_low, "good": self.good, "too high": self.too_high}
        return {name: rate for name, rate in found.items() if rate is not None}

    @property
    def lowest(self) -> float:
        """The first rate at which the loss was as low as at any."""
        return float(self.rates[_lowest(self.losses, self.start)])

    def after_run(self, rate: float) -> float | None:
        """The training loss that a whole run at a low rate ends with; None for other rates.

        Args:
            rate: as low as `too_low`, say.
        """
        summed = np.cumsum(self.rates)
        lowest = _lowest(self.losses, self.start)
        if rate * self.steps > summed[lowest]:
            return None
        before = np.interp(rate * self.steps, [0.0, *summed], [self.start, *smoothed(self.losses)])
        return float(before)


def range_test(config: RunConfig, progress: Path | None = None) -> RangeTest:
    """Finds learning rates that are too low, good and too high for a configuration.

    Its own `lr` is without effect. Nothing is written; the same configuration gives the same
    answer.

    Args:
        config: the hyperparameters.
        progress: a file that says meanwhile what is being waited for.

    Raises:
        MnistopError: the data or the device do not fit.
    """
    from mnistop.engine.data.sources import load
    from mnistop.engine.training.examples import make_examples
    from mnistop.engine.training.loop import Stepper

    def tell(text: str) -> None:
        if progress:
            with contextlib.suppress(OSError):  # it need not be known how far this is
                progress.write_text(text, encoding="utf-8")

    examples = make_examples(load(config.source, config.samples, tell, config.pixel_range), config)
    classes = len(examples.class_names)

    def fresh() -> Stepper:
        return Stepper(config, examples)

    tell("raising the learning rate step by step")
    for per_decade in PER_DECADE:
        rates, losses, start = _risen(fresh(), per_decade)
        low = _first(smoothed(losses) <= (1 - LITTLE) * start)
        if low is not None:
            break
    steps = fresh().steps_an_epoch * _whole_rate_epochs(config)
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
        tell(f"trying the learning rate {rate:g}")
        trials.append(_tried(fresh(), rate))
        if trials[-1].has_failed(start, classes):
            too_high = rate
            break
    good_trials: list[Trial] = []
    if too_low < good / 2:
        tell(f"trying the learning rate {in_one_digit(good):g}")
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
    """Of each loss and those around it the mean, `(n,)`; what is infinite counts as very much."""
    most = 10 * losses[0]
    padded = np.pad(np.nan_to_num(losses, nan=most).clip(max=most), SMOOTHED // 2, mode="edge")
    return np.convolve(padded, np.full(SMOOTHED, 1 / SMOOTHED), "valid")


def in_one_digit(rate: float) -> float:
    """As a person would type it: 0.05 for 0.0531."""
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
    """The place of the first loss that is as low as any, neighbours being counted in."""
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
    """A trial at a rate that should be good, and where it fails others around it."""
    count = max(1, min(TRIAL, round(steps)))
    trials = [_tried(fresh(), good, count)]
    if not trials[0].has_learned(start, steps):
        others = _round_rates(max(low, good / AROUND), min(below, good * AROUND))
        trials += [_tried(fresh(), rate, count) for rate in others if rate < below]
    return trials


def _round_rates(low: float, high: float) -> list[float]:
    """The rates of one digit, 1, 2, 3 or 5, from one to another."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    rates = [float(f"{digit}e{exponent}") for exponent in exponents for digit in (1, 2, 3, 5)]
    return [rate for rate in rates if low <= rate <= min(high, HIGHEST)]


def _first(where: NDArray[np.bool_]) -> int | None:
    found = np.flatnonzero(where)
    return int(found[0]) if len(found) else None


def _whole_rate_epochs(config: RunConfig) -> float:
    """Epochs of a run, each counted as the share of the full rate that the schedule gives it."""
    return config.epochs * mean_share(config, 0, config.epochs)
