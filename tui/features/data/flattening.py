"""One image beside its pixels as one row of numbers, the input of the first layer."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from textual import events
from textual.message import Message

from mnistop.engine.images import CHANNELS
from mnistop.tui.draw import image
from mnistop.tui.draw.cells import Strip, beside, line, shorten
from mnistop.tui.draw.chart import Chart, chart
from mnistop.tui.draw.image import picture
from mnistop.tui.draw.series import Series
from mnistop.tui.toolkit.bindings import bindings, hidden, key
from mnistop.tui.toolkit.pane import ContentPane
from mnistop.tui.toolkit.plotted_pane import PlottedPane

_BESIDE_WIDTH = 66
_CHART_HEIGHT, _LEAST_PICTURE = 8, 7
"""Lines of the chart below an image, and of the image above it at least: else they are beside."""

Pixels = NDArray[np.float32]
"""An image, `(height, width)` or `(height, width, 3)` in [0, 1]."""


class Flattening(PlottedPane, ContentPane[Pixels], can_focus=True):
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
        "ink. In colour, each pixel gives three: red, green and blue."
    )

    @dataclass
    class Stepped(Message):
        """The next or previous image is wanted."""

        by: int

    EMPTY_TITLE = "Flattening"

    pixel = (14, 14)
    """Row and column at the cursor."""
    _pictured = (0, 0)
    """Cells and lines that the image takes."""
    mode: image.Mode = "auto"

    def show(self, content: Pixels | None, status: str = "") -> None:
        """Draw an image; the status names it, or says what is being waited for."""
        if content is not None and (self.content is None or content.shape != self.content.shape):
            self.pixel = (content.shape[0] // 2, content.shape[1] // 2)
        super().show(content, status)

    def heading(self, content: Pixels) -> str:
        """The image, and its shape before and after."""
        return f"{self.status}: {content.shape} → ({content.size},)"

    def draw(self, content: Pixels, width: int, height: int) -> list[Strip]:
        """A sentence on the pixel, and the image and the chart beside or below each other."""
        row, column = self.pixel
        columns, *channels = content.shape[1:]
        place, position = f"{row} × {columns} + {column}", self._position(content)
        if channels:
            values = " ".join(f"{level:.2f}" for level in content[row, column])
            text = f"pixel ({row}, {column}): 3 × ({place}) = {position}: {values}"
        else:
            value = f"{content[row, column]:.2f}"
            text = f"row {row}, column {column}: position {place} = {position}, value {value}"
        words = line([(shorten(text, width, self.terminal), self.palette.strong)], width)
        height -= 1
        if width >= _BESIDE_WIDTH or height - _CHART_HEIGHT < _LEAST_PICTURE:
            drawn = self._picture(content, width // 2, height)
            left = drawn[0].cell_length
            plotted = self._chart(content, width - left - 1, min(height, len(drawn)))
            self.placed((left + 1, 1, plotted))
            drawn = beside([drawn, plotted], gap=1)
        else:
            drawn = self._picture(content, width, height - _CHART_HEIGHT)
            plotted = self._chart(content, width, height - len(drawn))
            self.placed((0, 1 + len(drawn), plotted))
            drawn += plotted
        return [words, *drawn]

    def _picture(self, pixels: Pixels, width: int, height: int) -> list[Strip]:
        """The image with marks at the cursor's row and column."""
        rows, columns = pixels.shape[:2]
        drawn = picture(pixels, width - 1, max(height - 1, 1), self.terminal, self.mode)
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

    def _chart(self, pixels: Pixels, width: int, height: int) -> Chart:
        values = pixels.ravel().astype(np.float64)
        return chart(
            [Series("value", values, xs=np.arange(len(values), dtype=np.float64))],
            width,
            height,
            self.terminal,
            x_max=len(values),
            cursor=self._position(pixels),
            y_limits=(0, 1),
            x_label="position",
        )

    def _position(self, pixels: Pixels) -> int:
        """The position of the pixel at the cursor, in colour of its first value."""
        row, column = self.pixel
        columns: int = pixels.shape[1]
        return (row * columns + column) * (len(CHANNELS) if pixels.ndim == 3 else 1)

    def choose(self, x: float) -> None:
        """Move the cursor to the pixel at a position."""
        if self.content is not None:
            columns, *channels = self.content.shape[1:]
            self._go(*divmod(round(x) // math.prod(channels), columns))

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to the clicked pixel, of the image or of the chart."""
        wide, high = self._pictured
        y = event.y - 2
        if self.content is not None and event.x < wide and 0 <= y < high:
            rows, columns = self.content.shape[:2]
            event.prevent_default()
            self._go(y * rows // high, event.x * columns // wide)

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Return the reason why an action is impossible now."""
        if self.content is None and action in ("move", "step"):
            return self.status
        return super().why_not(action, parameters)

    def action_step(self, by: int) -> None:
        """Ask for another image."""
        self.post_message(self.Stepped(by))

    def action_move(self, down: int, right: int) -> None:
        """Move the cursor by a pixel."""
        self._go(self.pixel[0] + down, self.pixel[1] + right)

    def _go(self, row: int, column: int) -> None:
        """Move the cursor to a pixel, or the nearest one that exists."""
        if self.content is not None:
            rows, columns = self.content.shape[:2]
            self.pixel = (max(0, min(rows - 1, row)), max(0, min(columns - 1, column)))
            self.redraw()
