"""The coach's advice, and its wording."""

from dataclasses import dataclass

from mnistop.engine import formatting

TOO_HIGH = frozenset({"diverged", "exploded", "stuck", "swinging", "dead ReLUs"})
"""Kinds of advice on a learning rate that is too high."""
TOO_LOW = frozenset({"too low"})
"""Those on one that is too low."""


@dataclass(frozen=True)
class Advice:
    """One true statement about a run, with a remedy."""

    kind: str
    """The rule that applies, as in `over-fitting`."""
    sentence: str
    """The observation, in less than 180 characters."""
    remedy: str = ""
    """The remedy, as a sentence; empty where none is needed."""


NOTHING_YET = Advice("waiting", "There are no curves to read before training starts.")


def number(value: float, places: int = 2) -> str:
    """A loss in as many digits as one compares: `2.30`, `0.53`, `0.0069`."""
    return f"{value:.{places}f}" if 0.1 <= value < 1000 else f"{value + 0.0:.2g}"


def percent(fraction: float | None) -> str:
    """As in `72%`."""
    return formatting.percent(fraction, 0)


def accuracy(fraction: float | None, images: int) -> str:
    """An accuracy with its 95% interval, as in `89.0% (83.9–92.6)`."""
    return formatting.accuracy(fraction and min(max(fraction, 0.0), 1.0), images)


def either(words: list[str]) -> str:
    """As in `dropout`, `shifts or dropout`, `shifts, dropout or more samples`."""
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
