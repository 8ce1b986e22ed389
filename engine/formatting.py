"""The numbers of a run as text, the same on every screen and in every report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mnistop.engine.evaluate import wilson_interval
from mnistop.engine.events import RunStarted

UNKNOWN = "-"
"""The text for a number that a recorded run does not have."""
_LONGEST_NAME = 40
"""Characters of a name in a list."""


def percent(fraction: float | None, digits: int = 1) -> str:
    """Format a fraction as in `89.5%`.

    Equal shares of a count have the same text however they were computed: the rounding error of
    floats, which could tip a half in the last digit, is removed first. A larger share never has a
    smaller text.
    """
    if fraction is None:
        return UNKNOWN
    return f"{round(100 * fraction, _CERTAIN):z.{digits}f}%"


_CERTAIN = 4
"""Decimals of a percentage that are accurate even if it was computed in float32."""


def accuracy(fraction: float | None, images: int) -> str:
    """Format an accuracy with its 95% interval, as in `89.5% (84.5–93.0)`."""
    if fraction is None:
        return UNKNOWN
    low, high = (percent(end)[:-1] for end in wilson_interval(fraction, images))
    return f"{percent(fraction)} ({low}–{high})"


def loss(value: float | None) -> str:
    """Format a loss as in `0.697`."""
    if value is None:
        return UNKNOWN
    return f"{value:z.3f}" if abs(value) < 10_000 else f"{value:.3g}"


def with_sign(value: float, places: int = 2) -> str:
    """Format a number with its sign, as in `+0.31` or `-0.02`; `0.00` has none."""
    text = f"{value:+z.{places}f}"
    return text if float(text) else text[1:]


def duration(seconds: float) -> str:
    """Format a duration as in `0.4 s`, `8 s`, `3 min 20 s` or `2 h 5 min`."""
    if seconds < 3:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def size(bytes: int) -> str:
    """Format a number of bytes as in `4 kB`, `1.2 MB` or `14 GB`."""
    value, units = bytes / 1000, ["kB", "MB", "GB", "TB"]
    while value >= 999.5 and len(units) > 1:
        value /= 1000
        del units[0]
    places = 1 if value < 9.95 and units[0] != "kB" else 0
    return f"{value:.{places}f} {units[0]}"


def count(number: int, thing: str) -> str:
    """Format a count as in `1 epoch` or `1,000 images`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def name_list(names: Sequence[str], most: int | None = None) -> str:
    """Return names as a list in a sentence, at most some of them.

    One with a comma is quoted, and of a long one only the beginning is there.
    """
    short = [
        name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
        for name in names[:most]
    ]
    shown = ", ".join(f"'{name}'" if "," in name else name for name in short)
    return shown + (", …" if len(short) < len(names) else "")


def epochs_of(done: int, planned: int) -> str:
    """Format progress as in `34 epochs of 100`; `34 epochs` if the number planned is unknown."""
    if not (done or planned):
        return "no epochs"
    return count(done, "epoch") + (f" of {planned:,}" if planned else "")


def on_device(started: RunStarted) -> str:
    """Return a phrase as in `cpu, 1 thread`; older runs did not record the threads."""
    if started.threads is None:
        return started.device
    return f"{started.device}, {count(started.threads, 'thread')}"


def is_milestone(epoch: int, epochs: int) -> bool:
    """Return whether the table of a run with this many epochs shows this one.

    Every tenth, as in the notebook; all of a few; and of very many at most fifty.
    """
    if epochs <= 20:
        return True
    steps: Iterator[int] = (digit * 10**power for power in range(1, 7) for digit in (1, 2, 5))
    return epoch % next(step for step in steps if epochs <= 50 * step) == 0
