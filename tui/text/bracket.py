"""The bracket around the smallest ε that fools a model: safe, unknown, fooled."""

from __future__ import annotations

import math

from mnistop.engine.axis import ceiling
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Grid
from mnistop.tui.draw.palette import Palette
from mnistop.tui.draw.strip import Strip


def bracket(
    certified: float, found: float, epsilon: float | None, width: int, terminal: Terminal
) -> list[Strip]:
    """A bar over ε from 0, with the ends of its scale and a mark at the present ε below it.

    Three glyphs tell the parts apart without colour: what is proven safe, what is unknown, and
    where the model is fooled.

    Args:
        certified: the end of the safe part, from 0 up.
        found: where the fooled part begins; infinite where nothing fooled the model.
        epsilon: the present ε, or None to leave it out.
        width: cells to fit in.
        terminal: the terminal.

    Returns:
        Two lines of `width` cells.
    """
    palette = Palette.of(terminal)
    top = _top(certified, found, epsilon)

    def cells(value: float) -> float:
        return round(value / top * width, 6) if value < math.inf else math.inf

    grid = Grid(width, 2)
    ends = math.floor(cells(certified)), math.ceil(min(cells(found), width))
    safe, unknown, fooled = "█░▓" if terminal.unicode else "=.#"
    grid.put(0, 0, fooled * width, palette.bad)
    grid.put(0, 0, unknown * ends[1], palette.muted)
    grid.put(0, 0, safe * ends[0], palette.good)
    scale = f"{top:g}"
    grid.put(0, 1, "0", palette.muted)
    grid.put(width - len(scale), 1, scale, palette.muted)
    if epsilon is not None:
        mark = "▲" if terminal.unicode else "^"
        at = math.floor(cells(epsilon))
        at = max(at, ends[1]) if epsilon >= found else min(at, ends[1] - 1)
        grid.put(min(max(at, 0), width - 1), 1, mark, palette.strong)
    return grid.strips()


def _top(certified: float, found: float, epsilon: float | None) -> float:
    """The end of the scale: a round number behind all that is marked."""
    shown = [certified, epsilon or 0, 1.5 * found if math.isfinite(found) else 1.0]
    return min(1.0, ceiling(max(0.02, *shown)))
