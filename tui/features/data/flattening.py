"""One image beside its pixels as one row of numbers: what the first layer gets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from textual import events
from textual.message import Message

from mnistop.tui.draw import image
from mnistop.tui.draw.cells import Strip, beside, line, shorten
from mnistop.tui.draw.chart import Chart, chart
from mnistop.tui.draw.image import picture
from mnistop.tui.draw.series import Series
from mnistop.tui.toolkit.bindings import bindings, hidden, key
from mnistop.tui.toolkit.pane import PlottedPane

_BESIDE_WIDTH = 66
_CHART_HEIGHT = 8


class Flattening(PlottedPane, can_focus=True):
    """An image, its values by position, and a cursor that stands at one pixel in both."""

    BINDINGS = bindings(
        "data",
        key("pixel_left", "left,h", "move(0, -1)", "Pixel", "To the pixel on the left", "←↑↓→"),
        hidden("pixel_right", "right,l", "move(0, 1)", "Right", "To the pixel on the right"),
        hidden("pixel_up", "up,k", "move(-1, 0)", "Up", "To the pixel above, one row back"),
        hidden("pixel_down", "down,j", "move(1, 0)", "Down", "To the pixel below, one row on"),
        key("next_image", "n", "step(1)", "Image", "The next image", "n/p"),
        hidden("previous_image", "p", "step(-1)", "Previous", "The previous image"),
    )

    EXPLANATION = (
        "This kind of network does not see rows and columns: the rows of the image are joined "
        "end to end, and the first layer gets one long row of numbers. Each hump is a line of "
        "ink."
    )

    @dataclass
    class Stepped(Message):
        """The next or previous image is wanted."""

        by: int

    pixels: NDArray[np.float32] | None = None
    what = ""
    pixel = (14, 14)
    _pictured = (0, 0)
    """Cells and lines that the image takes."""
    mode: image.Mode = "auto"

    def show(self, pixels: NDArray[np.float32] | None, what: str) -> None:
        """Draw an image.

        Args:
            pixels: `(height, width)` in [0, 1], or None for none.
            what: which image it is, in words; what is being waited for if there is none.
        """
        if pixels is not None and (self.pixels is None or pixels.shape != self.pixels.shape):
            self.pixel = (pixels.shape[0] // 2, pixels.shape[1] // 2)
        self.pixels, self.what = pixels, what
        self.redraw()

    def title(self) -> str:
        """The image, and its shape before and after."""
        if self.pixels is None:
            return "Flattening"
        rows, columns = self.pixels.shape
        arrow = "→" if self.terminal.unicode else "->"
        return f"{self.what}: ({rows}, {columns}) {arrow} ({rows * columns},)"

    def lines(self, width: int, height: int) -> list[Strip]:
        """A sentence on the pixel, and the image and the chart beside or below each other."""
        if self.pixels is None:
            return self.say(self.what, width)
        words = self._words(width)
        height -= len(words)
        if width >= _BESIDE_WIDTH:
            drawn = self._picture(width // 2, height)
            left = drawn[0].cell_length
            plotted = self._chart(width - left - 1, min(height, len(drawn)))
            self.placed((left + 1, len(words), plotted))
            drawn = beside([drawn, plotted], gap=1)
        else:
            drawn = self._picture(width, height - _CHART_HEIGHT)
            plotted = self._chart(width, height - len(drawn))
            self.placed((0, len(words) + len(drawn), plotted))
            drawn += plotted
        return [*words, *drawn]

    def _words(self, width: int) -> list[Strip]:
        assert self.pixels is not None
        row, column = self.pixel
        columns = self.pixels.shape[1]
        times = "×" if self.terminal.unicode else "x"
        text = (
            f"row {row}, column {column}: position {row} {times} {columns} + {column} = "
            f"{row * columns + column}, value {self.pixels[row, column]:.2f}"
        )
        return [line([(shorten(text, width, self.terminal), self.palette.strong)], width)]

    def _picture(self, width: int, height: int) -> list[Strip]:
        """The image with marks at the cursor's row and column."""
        assert self.pixels is not None
        rows, columns = self.pixels.shape
        drawn = picture(self.pixels, width - 1, max(height - 1, 1), self.terminal, self.mode)
        wide = drawn[0].cell_length
        self._pictured = (wide, len(drawn))
        left, below = ("◂", "▴") if self.terminal.unicode else ("<", "^")
        y = self.pixel[0] * len(drawn) // rows
        x = self.pixel[1] * wide // columns
        style = self.palette.bad + self.palette.strong
        marked = [
            Strip.join([strip, line([(left if at == y else " ", style)], 1)])
            for at, strip in enumerate(drawn)
        ]
        return [*marked, line([(" " * x + below, style)], wide + 1)]

    def _chart(self, width: int, height: int) -> Chart:
        assert self.pixels is not None
        values = self.pixels.ravel().astype(np.float64)
        columns = self.pixels.shape[1]
        return chart(
            [Series("value", values, xs=np.arange(len(values), dtype=np.float64))],
            width,
            height,
            self.terminal,
            x_max=len(values),
            cursor=self.pixel[0] * columns + self.pixel[1],
            y_limits=(0, 1),
            x_label="position",
        )

    def choose(self, x: float) -> None:
        """Put the cursor on the pixel at a position."""
        if self.pixels is not None:
            self._go(*divmod(round(x), self.pixels.shape[1]))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the clicked pixel, of the image or of the chart."""
        wide, high = self._pictured
        y = event.y - 2
        if self.pixels is not None and event.x < wide and 0 <= y < high:
            rows, columns = self.pixels.shape
            event.prevent_default()
            self._go(y * rows // high, event.x * columns // wide)

    def action_step(self, by: int) -> None:
        """Ask for another image."""
        self.post_message(self.Stepped(by))

    def action_move(self, down: int, right: int) -> None:
        """Move the cursor by a pixel."""
        if self.pixels is not None:
            row, column = self.pixel
            self._go(row + down, column + right)

    def _go(self, row: int, column: int) -> None:
        """Put the cursor on a pixel, the nearest that there is."""
        assert self.pixels is not None
        rows, columns = self.pixels.shape
        self.pixel = (max(0, min(rows - 1, row)), max(0, min(columns - 1, column)))
        self.redraw()
