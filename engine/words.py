"""Numbers of a run in words, the same wherever they stand."""

from __future__ import annotations

from collections.abc import Iterator

from engine.evaluate import wilson_interval
from engine.history import History, others_as_good


def percent(fraction: float) -> str:
    """As in `89.5%`."""
    return f"{100 * fraction:.1f}%"


def accuracy(fraction: float, images: int) -> str:
    """An accuracy with its 95% interval, as in `89.5% (84.5–93.0)`."""
    low, high = wilson_interval(fraction, images)
    return f"{percent(fraction)} ({100 * low:.1f}–{100 * high:.1f})"


def loss(value: float) -> str:
    """As in `0.697`."""
    return f"{value:z.3f}" if abs(value) < 10_000 else f"{value:.3g}"


def with_sign(value: float, places: int = 2) -> str:
    """With its sign, as in `+0.31` or `-0.02`; `0.00` without one where nothing else is left."""
    text = f"{value:+z.{places}f}"
    return text if float(text) else text[1:]


def duration(seconds: float) -> str:
    """As in `0.4 s`, `8 s`, `3 min 20 s` or `2 h 5 min`."""
    if seconds < 3:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def count(number: int, thing: str) -> str:
    """As in `1 epoch` or `1,000 images`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def best_of(history: History) -> str:
    """The best epoch with its accuracy and interval; empty before the first epoch."""
    if not (history.best and history.started):
        return ""
    found = accuracy(history.best.val_acc, history.started.validation_images)
    return f"epoch {history.best.epoch}, validation accuracy {found}, a 95% interval"


def as_good(history: History) -> str:
    """How many epochs the best one cannot be told from; empty for none."""
    others = others_as_good(history)
    return f"same accuracy within the interval: {count(others, 'epoch')}" if others else ""


def is_milestone(epoch: int, epochs: int) -> bool:
    """Whether the table of a run with so many epochs shows this one.

    Every tenth, as the notebook does; all of a few; and of very many at most fifty.
    """
    if epochs <= 20:
        return True
    steps: Iterator[int] = (digit * 10**power for power in range(1, 7) for digit in (1, 2, 5))
    return epoch % next(step for step in steps if epochs <= 50 * step) == 0
