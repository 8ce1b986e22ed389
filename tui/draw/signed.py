"""Horizontal bars of numbers with a sign: to the right above zero, to the left below."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from mnistop.engine.formatting import with_sign
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import line, shorten
from mnistop.tui.draw.palette import Palette
from mnistop.tui.draw.strip import Strip

_NAME_WIDTH = 12
_NUMBER_WIDTH = 7


def signed(
    values: Sequence[float],
    names: Sequence[str],
    terminal: Terminal,
    width: int,
    height: int | None = None,
    scale: float | None = None,
) -> list[Strip]:
    """Numbers as bars from a middle line, a line each.

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
    labels = [shorten(str(names[index]), _NAME_WIDTH, terminal) for index in shown]
    name_width = max(map(cell_len, labels), default=0)
    arm = max((width - name_width - _NUMBER_WIDTH - 3) // 2, 0)
    top, bottom = max(values, default=0), min(values, default=0)
    lines = []
    for label, index in zip(labels, shown, strict=True):
        value = values[index]
        left, right = _arms(value / full, arm, terminal)
        strong = palette.strong if value in (top, bottom) else None
        lines.append(
            line(
                [
                    (" " * (name_width - cell_len(label)) + label + " ", strong),
                    (left, palette.negative),
                    ("│" if terminal.unicode else "|", palette.muted),
                    (right, palette.positive),
                    (with_sign(value).rjust(_NUMBER_WIDTH), strong),
                ],
                width,
            )
        )
    return lines


def _arms(fraction: float, width: int, terminal: Terminal) -> tuple[str, str]:
    """The two halves of a bar, in half cells or ASCII, `width` cells each."""
    size = min(abs(fraction), 1.0)
    if terminal.unicode:
        full, half = divmod(round(2 * size * width), 2)
        left, right = "▐" * half + "█" * full, "█" * full + "▌" * half
    else:
        left, right = "-" * round(size * width), "#" * round(size * width)
    if fraction < 0:
        return left.rjust(width), " " * width
    return " " * width, right.ljust(width)
