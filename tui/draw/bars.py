"""Horizontal bars: probabilities, counts, progress, and numbers with a sign."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.style import Style

from mnistop.engine.formatting import with_sign
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Strip, line, short_names
from mnistop.tui.draw.palette import Palette

Piece = tuple[str, Style | None]

_EIGHTHS = " ▏▎▍▌▋▊▉"
_NAME_WIDTH = 12
_MARK_WIDTH = 6
_WIDE = 40
"""Cells of a line from which on bars are thicker where there are lines for it."""
_THICKEST = 3
"""Lines of a bar at most."""


def bar(fraction: float, width: int, terminal: Terminal) -> str:
    """Return a bar, filled up to `fraction`: in eighths of a cell, or ``#`` in ASCII.

    Args:
        fraction: In [0, 1]; what lies outside is clipped, NaN is 0.
        width: Cells in all, the empty ones as spaces.
        terminal: The terminal.
    """
    width = max(width, 0)
    fraction = _clipped(fraction)
    if not terminal.unicode:
        return ("#" * round(fraction * width)).ljust(width)
    full, part = divmod(round(fraction * width * 8), 8)
    return ("█" * full + _EIGHTHS[part].strip()).ljust(width)


def _clipped(fraction: float) -> float:
    return min(max(fraction, 0.0), 1.0) if fraction == fraction else 0.0


def progress(fraction: float, width: int, terminal: Terminal) -> list[Strip]:
    """Draw one line of progress, the rest as a thin line.

    Args:
        fraction: The share that is done, in [0, 1].
        width: Cells.
        terminal: The terminal.
    """
    halves = math.floor(_clipped(fraction) * 2 * max(width, 0))
    palette = Palette.of(terminal)
    if terminal.unicode:
        done, rest = "━" * (halves // 2) + "╸" * (halves % 2), "─"
    else:
        done, rest = "#" * (halves // 2), "-"
    return [line([(done, palette.train), (rest * (width - len(done)), palette.muted)], width)]


def probabilities(
    probs: Sequence[float],
    names: Sequence[str],
    terminal: Terminal,
    width: int,
    true: int | None = None,
    predicted: int | None = None,
    height: int | None = None,
) -> list[Strip]:
    """Draw the probabilities of the classes as bars, a line each.

    The predicted and the true class are marked by words (``pred``, ``true``, ``right`` where they
    are the same), in narrow places by their first letters.

    Args:
        probs: Shape (k,), in [0, 1].
        names: The k names of the classes.
        terminal: The terminal.
        width: Cells of each line.
        true: The true class.
        predicted: The predicted class.
        height: Most lines to return. Where there are more classes, the most probable are shown,
            most probable first, and the true class last if it is not among them.

    Returns:
        At most `height` lines of `width` cells. Wide bars are thicker where that many lines allow.
    """
    palette = Palette.of(terminal)
    shown = _most_probable(probs, true, height)
    rows = []
    for index in shown:
        mark, style = "", palette.train
        if index == true:
            mark, style = ("right" if index == predicted else "true"), palette.good
        elif index == predicted:
            mark, style = "pred", palette.train if true is None else palette.bad
        prob = float(probs[index])
        text = f"{100 * prob:.1f}%" if math.isfinite(prob) else "-"
        rows.append(_Row(str(names[index]), prob, text, style, mark))
    marked = true is not None or predicted is not None
    mark_width = _MARK_WIDTH if marked else 0
    return _draw(rows, 6, mark_width, terminal, width, _thickness(len(rows), width, height))


def counts(
    values: Sequence[int],
    names: Sequence[str],
    terminal: Terminal,
    width: int,
    maximum: int | None = None,
    style: Style | None = None,
    height: int | None = None,
) -> list[Strip]:
    """Draw counts as bars, a line each: a histogram on its side.

    Args:
        values: Shape (k,), 0 or more.
        names: The k names.
        terminal: The terminal.
        width: Cells of each line.
        maximum: The count of a full bar, to draw several histograms to one scale; the largest
            count if not given.
        style: The style of the bars; that of training if not given.
        height: Lines that there are; wide bars are thicker where these allow it.

    Returns:
        k lines of `width` cells, or a multiple of it.
    """
    top = max(maximum or max(values, default=0), 1)
    style = style if style is not None else Palette.of(terminal).train
    rows = [
        _Row(str(name), value / top, str(value), style)
        for name, value in zip(names, values, strict=True)
    ]
    text_width = max((len(row.text) for row in rows), default=0)
    return _draw(rows, text_width, 0, terminal, width, _thickness(len(rows), width, height))


class _Row(NamedTuple):
    name: str
    fraction: float
    text: str
    style: Style
    mark: str = ""


def _most_probable(probs: Sequence[float], true: int | None, height: int | None) -> list[int]:
    everything = range(len(probs))
    if height is None or len(probs) <= height:
        return list(everything)

    falling = [-prob if math.isfinite(prob) else math.inf for prob in probs]
    shown = sorted(everything, key=falling.__getitem__)[: max(height, 0)]
    if shown and true is not None and true not in shown:
        shown[-1] = true
    return shown


def _thickness(rows: int, width: int, height: int | None) -> int:
    """Return the lines of each of some bars."""
    if not rows or height is None or width < _WIDE:
        return 1
    return max(1, min(height // rows, _THICKEST))


def _thickened(text: Sequence[Piece], bar: Sequence[Piece], width: int, thick: int) -> list[Strip]:
    """Return a line with text, and further ones of the bar alone around it."""
    above = (thick - 1) // 2
    bare = [line(bar, width)]
    return [*bare * above, line(text, width), *bare * (thick - 1 - above)]


def _draw(
    rows: Sequence[_Row],
    text_width: int,
    mark_width: int,
    terminal: Terminal,
    width: int,
    thick: int,
) -> list[Strip]:
    palette = Palette.of(terminal)
    names, name_width = _aligned([row.name for row in rows], terminal)
    room = width - name_width - text_width - 1
    if mark_width and room - mark_width < 8:
        mark_width = 2
    bar_width = max(room - mark_width, 0)
    lines: list[Strip] = []
    for name, row in zip(names, rows, strict=True):
        mark = row.mark if mark_width > 2 else row.mark[:1]
        strong = palette.strong if row.mark else None
        drawn = bar(row.fraction, bar_width, terminal), row.style
        pieces = [
            (name, strong),
            drawn,
            (f"{row.text:>{text_width + 1}}", strong),
            (f" {mark}" if mark else "", row.style if strong is None else row.style + strong),
        ]
        lines += _thickened(pieces, [(" " * cell_len(name), None), drawn], width, thick)
    return lines


def _aligned(names: Sequence[str], terminal: Terminal) -> tuple[list[str], int]:
    """Return names of one width, each with a space behind it, and that width."""
    short = short_names(tuple(names), _NAME_WIDTH, terminal)
    width = max(map(cell_len, short), default=0)
    return [" " * (width - cell_len(name)) + name + " " for name in short], width + 1


_NUMBER_WIDTH = 7


def signed(
    values: Sequence[float],
    names: Sequence[str],
    terminal: Terminal,
    width: int,
    height: int | None = None,
    scale: float | None = None,
) -> list[Strip]:
    """Draw numbers as bars from a middle line, a line each.

    Args:
        values: Shape (k,).
        names: The k names.
        terminal: The terminal.
        width: Cells of each line.
        height: Most lines to return. Where there are more values, those furthest from zero are
            shown, from the largest to the smallest.
        scale: The magnitude of a full bar; that of the values if not given.

    Returns:
        At most `height` lines of `width` cells.
    """
    palette = Palette.of(terminal)
    shown = list(range(len(values)))
    if height is not None and len(values) > height:
        furthest = sorted(shown, key=lambda index: -abs(values[index]))[: max(height, 0)]
        shown = sorted(furthest, key=lambda index: -values[index])
    full = scale or max((abs(values[index]) for index in shown), default=0) or 1.0
    labels, name_width = _aligned([str(names[index]) for index in shown], terminal)
    arm = max((width - name_width - _NUMBER_WIDTH - 2) // 2, 0)
    ends = (max(values, default=0), min(values, default=0))
    axis = "│" if terminal.unicode else "|"
    thick = _thickness(len(shown), width, height)
    lines: list[Strip] = []
    for label, index in zip(labels, shown, strict=True):
        value = values[index]
        left, right = _arms(value / full, arm, terminal)
        strong = palette.strong if value in ends else None
        arms = [(left, palette.negative), (axis, palette.muted), (right, palette.positive)]
        number = with_sign(value).rjust(_NUMBER_WIDTH)
        pieces = [(label, strong), *arms, (number, strong)]
        lines += _thickened(pieces, [(" " * cell_len(label), None), *arms], width, thick)
    return lines


def _arms(fraction: float, width: int, terminal: Terminal) -> tuple[str, str]:
    """Return the two halves of a bar, in half cells or ASCII, `width` cells each."""
    size = min(abs(fraction), 1.0)
    if terminal.unicode:
        full, half = divmod(round(2 * size * width), 2)
        left, right = "▐" * half + "█" * full, "█" * full + "▌" * half
    else:
        left, right = "-" * round(size * width), "#" * round(size * width)
    if fraction < 0:
        return left.rjust(width), " " * width
    return " " * width, right.ljust(width)
