"""The metrics that a recorded run logs, in pages of two charts: read as they come, and thinned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.recording.metrics import MetricsReader, Series
from mnistop.engine.runs.run_folder import Run

XAxis = Literal["step", "epoch", "time"]

MOST = 2048
"""Buckets of values whose extremes are kept: more than any terminal has points in a row."""
A_PAGE = 2
"""Metrics on a page."""

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


class Extremes:
    """The least and the largest value of each stretch of a series that grows.

    What comes is taken up once, so following costs the same however long the series is.
    """

    def __init__(self) -> None:
        self._size = 1
        self._kept: Indices = np.empty((0, 2), np.int64)
        self._done = 0

    def follow(self, values: Floats) -> Indices:
        """Take up the values behind those that are known.

        Args:
            values: all of them, `(n,)`; NaN counts for nothing.

        Returns:
            Rising indices of at most `4 * MOST` values: no spike is lost, and the last is there.
        """
        while (whole := (len(values) - self._done) // self._size) > 0:
            part = min(whole, MOST)
            end = self._done + part * self._size
            new = _extremes(values[self._done : end].reshape(part, self._size))
            starts = np.arange(self._done, end, self._size)[:, None]
            self._kept = np.concatenate((self._kept, new + starts))
            self._done = end
            if len(self._kept) > 2 * MOST:
                self._halve(values)
        rest = np.arange(self._done, len(values))
        if len(rest) > 1:
            rest = _extremes(values[None, self._done :])[0] + self._done
        last = [len(values) - 1] if len(values) else []
        return np.unique(np.concatenate((self._kept.ravel(), rest, last)).astype(np.int64))

    def _halve(self, values: Floats) -> None:
        """Join the stretches in pairs; one that is left over is taken up again."""
        pairs = self._kept[: len(self._kept) // 2 * 2].reshape(-1, 4)
        chosen = _extremes(values[pairs])
        self._kept = np.take_along_axis(pairs, chosen, axis=1)
        self._size *= 2
        self._done = len(self._kept) * self._size


def _extremes(rows: Floats) -> Indices:
    """The columns of the least and the largest value of each row, `(rows, 2)`."""
    gaps = np.isnan(rows)
    low = np.where(gaps, np.inf, rows).argmin(1)
    high = np.where(gaps, -np.inf, rows).argmax(1)
    return np.stack((low, high), axis=1)


@dataclass(frozen=True, eq=False)
class MetricCurve:
    """One metric, thinned."""

    name: str
    xs: Floats
    """Rising, `(points,)`: steps, epochs or seconds."""
    ys: Floats
    count: int
    """Values that were logged."""

    @property
    def label(self) -> str:
        """The name without its group, which the title says."""
        return self.name.partition("/")[2] or self.name


@dataclass(frozen=True, eq=False)
class MetricsPage:
    """The metrics of one page."""

    group: str
    """The metrics' common name, as in `train` of `train/loss`; empty for those without a group."""
    curves: tuple[MetricCurve, ...] = ()
    number: int = 0
    """The number of the page, from 0."""
    pages: int = 0
    """The number of pages; 0 while nothing has been logged."""
    x_label: str = "step"
    problem: str = ""
    """The problem with the file, in a sentence."""

    def is_news(self, before: MetricsPage) -> bool:
        """Return whether it shows anything that an earlier page does not."""
        now, then = (
            (
                page.number,
                page.pages,
                page.x_label,
                page.problem,
                *((curve.name, curve.count) for curve in page.curves),
            )
            for page in (self, before)
        )
        return now != then


class RunMetrics:
    """The metrics of a run; one thread at a time may use it.

    Args:
        run: the run.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self._reader = MetricsReader(run.path)
        self._extremes: dict[str, Extremes] = {}
        self._pages: list[tuple[str, list[str]]] = []
        self._names = 0

    def page(self, number: int, axis: XAxis) -> MetricsPage:
        """Read what has come since, and return a page.

        Args:
            number: of the page; beyond the last, pages start over.
            axis: what x is.
        """
        while self._reader.read():
            pass
        names = self._reader.names
        if len(names) != self._names:
            self._names, self._pages = len(names), _in_pages(names)
        if not self._pages:
            return MetricsPage("", problem=self._reader.damage)
        number %= len(self._pages)
        group, shown = self._pages[number]
        series = {name: self._reader.series(name) for name in shown}
        start = min(float(one.times[0]) for one in series.values())
        longest = max(float(one.times[-1]) for one in series.values()) - start
        unit, label = _time_unit(longest) if axis == "time" else (1.0, axis)
        curves = tuple(self._curve(name, one, axis, start, unit) for name, one in series.items())
        return MetricsPage(group, curves, number, len(self._pages), label, self._reader.damage)

    def _curve(
        self, name: str, series: Series, axis: XAxis, start: float, unit: float
    ) -> MetricCurve:
        extremes = self._extremes.setdefault(name, Extremes())
        rows = extremes.follow(series.values)
        match axis:
            case "step":
                xs = series.steps[rows].astype(np.float64)
            case "epoch":
                xs = _within_epochs(series.epochs, rows)
            case "time":
                xs = (series.times[rows] - start) / unit
        return MetricCurve(name, np.maximum.accumulate(xs), series.values[rows], len(series.values))


def _in_pages(names: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Groups in the order in which they were first logged, each on as many pages as it needs."""
    groups: dict[str, list[str]] = {}
    for name in names:
        group, _, rest = name.partition("/")
        groups.setdefault(group if rest else "", []).append(name)
    return [
        (group, members[first : first + A_PAGE])
        for group, members in groups.items()
        for first in range(0, len(members), A_PAGE)
    ]


def _within_epochs(epochs: Indices, rows: Indices) -> Floats:
    """Epochs with the fraction at which values of the rows stand in them.

    The newest epoch counts as long as the one before it, or as itself if it is longer.
    """
    shown = epochs[rows]
    first = np.searchsorted(epochs, shown)
    count = np.searchsorted(epochs, shown, side="right") - first
    if len(shown) and (newest := int(epochs[-1])) > int(epochs[0]):
        before = np.searchsorted(epochs, newest) - np.searchsorted(epochs, epochs[first[-1] - 1])
        count = np.where(shown == newest, np.maximum(count, before), count)
    within: Floats = shown + (rows - first) / np.maximum(count, 1)
    return within


def _time_unit(seconds: float) -> tuple[float, str]:
    for unit, label in ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 3 * unit:
            return unit, label
    return 1.0, "seconds"
