"""The chart of a learning-rate range test."""

from __future__ import annotations

import math

from mnistop.engine.analysis.rates.range_test import RangeTest
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.chart import Chart, chart
from mnistop.tui.draw.series import Series

CEILING = 1.5
"""The loss axis ends at so many times the first loss: what is above only says too much."""


def first_shown(test: RangeTest) -> int:
    """The index of the rate that the chart begins with.

    It lies a decade below the lowest mark, as nothing happens before.
    """
    lowest = min(test.marks.values(), default=float(test.rates[0]))
    return int((test.rates < lowest / 10).sum())


def range_chart(
    test: RangeTest, width: int, height: int, terminal: Terminal, cursor: float | None
) -> Chart:
    """The loss after the step at each rate, with the marks.

    Args:
        test: the test.
        width: cells.
        height: lines.
        terminal: what the terminal can show.
        cursor: the rate that is read out, or None.
    """
    first = first_shown(test)
    return chart(
        [Series("loss", test.losses[first:], "train", test.rates[first:])],
        width,
        height,
        terminal,
        log_x=True,
        cursor=cursor,
        named=tuple(test.marks.items()),
        reference=(f"ln {test.classes}", math.log(test.classes)),
        y_limits=(0, CEILING * test.start),
        x_label="rate",
    )
