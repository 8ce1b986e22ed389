"""Charts as SVG, readable without colours: curves differ in dashes and letters."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, tostring

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.axis import Axis, labels, linear_axis, log_axis, ticks
from mnistop.engine.report.document import Chart, Curve, clean, letter

Floats = NDArray[np.float64]

WIDTH, HEIGHT = 520, 320
_TOP, _RIGHT, _BOTTOM, _LEFT = 34, 24, 44, 52
"""Margins around the curves."""
_LOG_FROM = 4.0
"""A chart of losses above this many times that of guessing has a logarithmic axis."""
_LETTER_GAP = 12.0
"""Least distance of two letters at the ends of curves."""
LINES = 8
"""The number of line styles in `style.css` for lettered curves."""


@dataclass(frozen=True)
class _Frame:
    """The position of a chart's values in it."""

    x: Axis
    y: Axis

    def xs(self, epochs: Floats) -> Floats:
        """Return distances from the left."""
        placed: Floats = _LEFT + (WIDTH - _LEFT - _RIGHT) * self.x.shares(epochs)
        return placed

    def ys(self, values: Floats) -> Floats:
        """Return distances from the top."""
        placed: Floats = HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * self.y.shares(values)
        return placed

    def at(self, epoch: float, value: float) -> tuple[float, float]:
        """Return the position of one value."""
        return float(self.xs(np.array([epoch]))[0]), float(self.ys(np.array([value]))[0])


def to_svg(chart: Chart, name: str) -> Element:
    """Return a chart as an `svg` element, to be styled by `style.css`.

    Args:
        chart: the chart.
        name: a prefix for the ids of its parts.
    """
    frame = _frame(chart)
    top = _TOP - 10 if chart.lettered else 0
    svg = element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 {top} {WIDTH} {HEIGHT - top}",
            "role": "img",
            "aria-labelledby": f"{name}-title {name}-words",
        },
        element("title", {"id": f"{name}-title"}, f"{title(chart)} by {chart.x_label}"),
        element("desc", {"id": f"{name}-words"}, chart.description),
    )
    svg.extend(_axes(chart, frame))
    svg.extend(_marks(chart, frame))
    for place, curve in enumerate(chart.curves):
        svg.extend(_curve(curve, _line(chart, place), frame))
    svg.extend(_letters(chart, frame) if chart.lettered else _legend(chart))
    return svg


def title(chart: Chart) -> str:
    """Return the chart's title, and the kind of its axis if it is logarithmic."""
    return f"{chart.title} (logarithmic)" if _is_log(chart) else chart.title


def sample(place: int) -> Element:
    """Return a sample of a lettered curve's line, for a table beside the chart."""
    return element(
        "svg",
        {"xmlns": "http://www.w3.org/2000/svg", "viewBox": "0 0 36 8", "class": "sample"},
        element("path", {"class": f"curve line-{place % LINES}", "d": "M1 4H35"}),
    )


def _line(chart: Chart, place: int) -> str:
    if style := chart.curves[place].style:
        return style
    return f"line-{place % LINES}" if chart.lettered else ("train", "val")[place]


def _is_log(chart: Chart) -> bool:
    guessing = chart.reference[1] if chart.reference else math.log(10)
    largest = max((max(curve.values, default=0) for curve in chart.curves), default=0)
    return not chart.fractions and largest > _LOG_FROM * guessing


def _frame(chart: Chart) -> _Frame:
    values = [value for curve in chart.curves for value in curve.values]
    values += [chart.reference[1]] if chart.reference else []
    values += chart.interval or ()
    last = max(len(curve.values) for curve in chart.curves) - 1
    x = Axis(0, max(last, 1))
    if _is_log(chart):
        return _Frame(x, log_axis(min(value for value in values if value > 0), max(values)))
    y = linear_axis(min(values, default=0), max(values, default=1))
    return _Frame(x, Axis(y.low, min(y.high, 1.0)) if chart.fractions else y)


def _axes(chart: Chart, frame: _Frame) -> Iterator[Element]:
    left, right, bottom = _LEFT, WIDTH - _RIGHT, HEIGHT - _BOTTOM
    rows = ticks(frame.y, HEIGHT - _TOP - _BOTTOM, 30)
    for value, text in zip(rows, labels(rows, chart.fractions), strict=True):
        _, y = frame.at(0, value)
        yield element("path", {"class": "grid", "d": f"M{left} {y:.1f}H{right}"})
        yield _text(left - 8, y + 4, text, "end")
    columns = ticks(frame.x, right - left, 50, whole=True)
    for value in columns:
        x, _ = frame.at(value, 0)
        yield element("path", {"class": "axis", "d": f"M{x:.1f} {bottom}v5"})
        yield _text(x, bottom + 19, f"{value:,.0f}", "middle")
    yield element("path", {"class": "axis", "d": f"M{left} {bottom}H{right}"})
    yield _text((left + right) / 2, HEIGHT - 6, chart.x_label, "middle")


def _marks(chart: Chart, frame: _Frame) -> Iterator[Element]:
    if chart.reference:
        text, value = chart.reference
        _, y = frame.at(0, value)
        yield element("path", {"class": "reference", "d": f"M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"})
        yield _text(WIDTH - _RIGHT, y - 5, f"{text} = {value:.3f}", "end")
    if chart.best is not None:
        x, _ = frame.at(chart.best, 0)
        bottom = HEIGHT - _BOTTOM
        yield element("path", {"class": "best-line", "d": f"M{x:.1f} {_TOP}V{bottom}"})
        yield element(
            "path",
            {"class": "best", "d": f"M{x:.1f} {bottom}l5 9h-10z"},
            element("title", {}, f"best epoch: {chart.best}"),
        )
        if chart.interval:
            yield _interval(chart, frame, x)


def _interval(chart: Chart, frame: _Frame, x: float) -> Element:
    """Return a bar from the lower to the upper end of the interval."""
    low, high = chart.interval or (0, 0)
    _, bottom = frame.at(0, low)
    _, top = frame.at(0, high)
    words = f"95% interval: {chart.value_text(low)} to {chart.value_text(high)}"
    return element(
        "path",
        {
            "class": "interval",
            "d": f"M{x - 5:.1f} {top:.1f}h10M{x:.1f} {top:.1f}V{bottom:.1f}m-5 0h10",
        },
        element("title", {}, words),
    )


def _curve(curve: Curve, line: str, frame: _Frame) -> Iterator[Element]:
    xs, ys = thinned(np.asarray(curve.values, dtype=np.float64), WIDTH)
    if len(xs) == 0:
        return
    points = zip(frame.xs(xs), frame.ys(ys), strict=True)
    words = element("title", {}, curve.name)
    if len(xs) == 1:
        ((x, y),) = points
        dot = {"class": f"point {line}", "cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": "4"}
        yield element("circle", dot, words)
    else:
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        yield element("path", {"class": f"curve {line}", "d": f"M{path}"}, words)


def thinned(values: Floats, columns: int) -> tuple[Floats, Floats]:
    """Return the epochs and values to draw: of very many, the extremes of each column."""
    epochs = np.arange(len(values), dtype=np.float64)
    if len(values) <= 4 * columns:
        return epochs, values
    starts = np.linspace(0, len(values), columns + 1).astype(np.intp)
    kept = {0, len(values) - 1}
    for start, end in itertools.pairwise(starts.tolist()):
        kept |= {start + int(values[start:end].argmin()), start + int(values[start:end].argmax())}
    rows = sorted(kept)
    return epochs[rows], values[rows]


def _legend(chart: Chart) -> Iterator[Element]:
    """Yield the curves' names and newest values, above them."""
    x: float = _LEFT
    for place, curve in enumerate(chart.curves):
        line = _line(chart, place)
        yield element("path", {"class": f"curve {line}", "d": f"M{x:.0f} 14h30"})
        is_history = curve.values and chart.x_label == "epoch"
        newest = f" {chart.value_text(curve.values[-1])}" if is_history else ""
        yield _text(x + 36, 18, f"{curve.name}{newest}", "start")
        x += 170
    if chart.best is not None:
        yield element("path", {"class": "best", "d": f"M{x + 5:.0f} 9l5 9h-10z"})
        yield _text(x + 16, 18, f"best: {chart.best}", "start")


def _letters(chart: Chart, frame: _Frame) -> Iterator[Element]:
    """Yield each curve's letter beside its end, without overlap."""
    ends: dict[int, list[tuple[float, float, int]]] = {}
    for place, curve in enumerate(chart.curves):
        if curve.values:
            x, y = frame.at(len(curve.values) - 1, curve.values[-1])
            ends.setdefault(round(x / _LETTER_GAP), []).append((x, y, place))
    for column in ends.values():
        column.sort(key=lambda end: end[1])
        heights = spread([y for _, y, _ in column])
        for (x, _, place), y in zip(column, heights, strict=True):
            made = _text(x + 5, y + 4, letter(place), "start")
            made.set("class", f"letter line-{place % LINES}")
            yield made


def spread(ys: Sequence[float]) -> list[float]:
    """Move ascending heights apart so that letters do not overlap, and into the frame."""
    placed: list[float] = []
    for y in ys:
        placed.append(max(y, placed[-1] + _LETTER_GAP) if placed else y)
    limit: float = HEIGHT - _BOTTOM
    for index in reversed(range(len(placed))):
        placed[index] = min(placed[index], limit)
        limit = placed[index] - _LETTER_GAP
    return placed


def _text(x: float, y: float, text: str, anchor: str) -> Element:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor}
    return element("text", place, text)


def element(tag: str, attributes: Mapping[str, str], *children: Element | str) -> Element:
    """Return an element with its children, which may be texts."""
    made = Element(tag, dict(attributes))
    for child in children:
        if isinstance(child, Element):
            made.append(child)
        elif len(made):
            made[-1].tail = (made[-1].tail or "") + clean(child)
        else:
            made.text = (made.text or "") + clean(child)
    return made


def to_html(root: Element) -> str:
    """Return an element as HTML."""
    return tostring(root, encoding="unicode", method="html")
