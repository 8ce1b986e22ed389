"""Numbers of a run in words, the same wherever they stand.

NumPy is needed for float32, so these are not among the other words of numbers, which the first
frame and quick commands load.
"""

from __future__ import annotations

from collections.abc import Iterator

from mnistop.engine.evaluate import wilson_interval
from mnistop.engine.events import RunStarted

UNKNOWN = "-"
"""Stands for a number that a recorded run does not have."""


def percent(fraction: float | None, digits: int = 1) -> str:
    """As in `89.5%`.

    Shares of the same count read the same, however they were computed: what float's rounding adds
    or takes, which would tip a half in the last digit, is taken off before. A larger share never
    reads smaller.
    """
    if fraction is None:
        return UNKNOWN
    return f"{round(100 * fraction, _CERTAIN):z.{digits}f}%"


_CERTAIN = 4
"""Decimals of a percentage that are right even if it was computed in float32."""


def accuracy(fraction: float | None, images: int) -> str:
    """An accuracy with its 95% interval, as in `89.5% (84.5–93.0)`."""
    if fraction is None:
        return UNKNOWN
    low, high = (percent(end)[:-1] for end in wilson_interval(fraction, images))
    return f"{percent(fraction)} ({low}–{high})"


def loss(value: float | None) -> str:
    """As in `0.697`."""
    if value is None:
        return UNKNOWN
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


def size(bytes: int) -> str:
    """Bytes on a disk, as in `4 kB`, `1.2 MB` or `14 GB`."""
    value, units = bytes / 1000, ["kB", "MB", "GB", "TB"]
    while value >= 999.5 and len(units) > 1:
        value /= 1000
        del units[0]
    places = 1 if value < 9.95 and units[0] != "kB" else 0
    return f"{value:.{places}f} {units[0]}"


def count(number: int, thing: str) -> str:
    """As in `1 epoch` or `1,000 images`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def epochs_of(done: int, planned: int) -> str:
    """As in `34 epochs of 100`; `34 epochs` where the number planned is not known."""
    if not (done or planned):
        return "no epochs"
    return count(done, "epoch") + (f" of {planned:,}" if planned else "")


def on_device(started: RunStarted) -> str:
    """As in `cpu, 1 thread`; the device alone in runs of before threads were kept."""
    if started.threads is None:
        return started.device
    return f"{started.device}, {count(started.threads, 'thread')}"


def is_milestone(epoch: int, epochs: int) -> bool:
    """Return whether the table of a run with so many epochs shows this one.

    Every tenth, as the notebook does; all of a few; and of very many at most fifty.
    """
    if epochs <= 20:
        return True
    steps: Iterator[int] = (digit * 10**power for power in range(1, 7) for digit in (1, 2, 5))
    return epoch % next(step for step in steps if epochs <= 50 * step) == 0
