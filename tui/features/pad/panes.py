"""The pad that is drawn on, what the model sees of it, and what it predicts."""

from __future__ import annotations

import numpy as np
from rich.style import Style
from textual import events
from textual.message import Message

from mnistop.engine.analysis.network import Classified
from mnistop.engine.drawing import THICKNESSES, Image, Pad
from mnistop.tui.draw import bars, image
from mnistop.tui.draw.cells import Strip, line
from mnistop.tui.draw.colormap import color, gray
from mnistop.tui.draw.image import picture
from mnistop.tui.toolkit.bindings import bindings, hidden, key
from mnistop.tui.toolkit.pane import ContentPane, LinesPane

_KEYS = "Space: pen down or up, e: eraser, + -: thickness, u: undo, x: clear"


class Canvas(LinesPane, can_focus=True):
    """A digit drawn by hand."""

    BINDINGS = bindings(
        "pad",
        key("left", "left,h", "move(0, -1)", "Move", "Move the pen to the left", "←↑↓→"),
        hidden("right", "right,l", "move(0, 1)", "Right", "Move the pen to the right"),
        hidden("up", "up,k", "move(-1, 0)", "Up", "Move the pen up"),
        hidden("down", "down,j", "move(1, 0)", "Down", "Move the pen down"),
        key("pen", "space", "pen", "Pen", "Put the pen down, to draw while it moves, or lift it"),
        key("erase", "e", "erase", "Eraser", "Switch between pen and eraser"),
        key("thicker", "+,=", "thickness(1)", "Thickness", "A thicker pen", "+-"),
        hidden("thinner", "-", "thickness(-1)", "Thinner", "A thinner pen"),
        key("undo", "u", "undo", "Undo", "Undo the last step"),
        key("clear", "x", "clear", "Clear", "Clear the pad"),
    )

    EXPLANATION = (
        "Space puts the pen down, the arrows draw, Space lifts it again. With a mouse, draw with "
        "its button held."
    )

    class Drawn(Message):
        """A change of the drawing."""

    pad = Pad.empty(28, 28)
    pen = (14, 14)
    """Row and column."""
    down = False
    erasing = False
    thickness = 2.0
    mode: image.Mode = "auto"
    _drag: tuple[int, int] | None = None

    def show(self, pad: Pad) -> None:
        """Show another pad.

        Args:
            pad: what is drawn on from now on; the pen is in the middle of it.
        """
        self.pad = pad
        rows, columns = pad.image.shape
        self._place_pen(rows // 2, columns // 2)
        self.redraw()

    def title(self) -> str:
        """The tool, its state and its position."""
        row, column = self.pen
        tool = "Eraser" if self.erasing else "Pen"
        state = "down" if self.down else "up"
        return f"{tool} {state} at ({row}, {column}), {self.thickness:g} wide"

    def lines(self, width: int, height: int) -> list[Strip]:
        """The pad in a frame, and the pen."""
        mode = self._mode(width, height)
        drawn = image.draw(self.pad.image, self.terminal, mode)
        drawn = self._with_pen(drawn, mode)
        wide = drawn[0].cell_length
        corners, level, upright = (
            ("┌┐└┘", "─", "│") if self.terminal.unicode else ("++++", "-", "|")
        )
        muted = self.palette.muted
        side = line([(upright, muted)], 1)
        return [
            line([(corners[0] + level * wide + corners[1], muted)], wide + 2),
            *(Strip.join([side, strip, side]) for strip in drawn),
            line([(corners[2] + level * wide + corners[3], muted)], wide + 2),
            *self.say(_KEYS, width),
        ]

    def _mode(self, width: int, height: int) -> image.Mode:
        rows, columns = self.pad.image.shape
        fits = width >= 2 * columns + 2 and height >= rows + 2
        return "large" if fits and self.mode == "auto" else self.mode

    def _with_pen(self, drawn: list[Strip], mode: image.Mode) -> list[Strip]:
        row, column = self.pen
        large = mode == "large"
        y, x, cells = (row, 2 * column, 2) if large else (row // 2, column, 1)
        strip = drawn[y]
        before, after = strip.crop(0, x), strip.crop(x + cells)
        return [
            *drawn[:y],
            Strip.join([before, line([self._mark(large, mode)], cells), after]),
            *drawn[y + 1 :],
        ]

    def _mark(self, large: bool, mode: image.Mode) -> tuple[str, Style]:
        """Return text and style of the pen, which its shape tells from the image too."""
        row, column = self.pen
        if self.terminal.images == "ascii" or mode == "ascii":
            text = ("##" if self.down else "[]") if large else ("#" if self.down else "+")
            return text, self.palette.cursor
        style = self.palette.bad + self.palette.strong
        if large:
            return ("██" if self.down else "[]"), style + self._ground(row, column)
        other = self._ground(row ^ 1, column)
        upper = row % 2 == 0
        if self.down:
            return ("▀" if upper else "▄"), style + other
        return ("▘" if upper else "▖"), style + other

    def _ground(self, row: int, column: int) -> Style:
        """The colour of a pixel behind what is drawn over it."""
        level = self.pad.image[min(row, len(self.pad.image) - 1), column]
        shade = int(gray(np.array([[level]], dtype=np.float64), self.terminal)[0, 0])
        return Style(bgcolor=color(shade))

    # Drawing

    def _place_pen(self, row: int, column: int) -> None:
        rows, columns = self.pad.image.shape
        self.pen = max(0, min(rows - 1, row)), max(0, min(columns - 1, column))

    def _stroke(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self._change(self.pad.stroke(start, end, self.thickness, self.erasing))

    def _change(self, pad: Pad) -> None:
        self.pad = pad
        self.redraw()
        self.post_message(self.Drawn())

    def action_move(self, down: int, right: int) -> None:
        """Move the pen by a pixel, drawing if it is down."""
        before = self.pen
        self._place_pen(before[0] + down, before[1] + right)
        if self.down and self.pen != before:
            self._stroke(before, self.pen)
        else:
            self.redraw()

    def action_pen(self) -> None:
        """Set the pen down, which leaves a dot, or lift it."""
        self.down = not self.down
        if self.down:
            self._stroke(self.pen, self.pen)
        else:
            self.redraw()

    def action_erase(self) -> None:
        """Pick up the eraser or the pen, lifted."""
        self.erasing, self.down = not self.erasing, False
        self.redraw()

    def action_thickness(self, by: int) -> None:
        """Choose a thicker or thinner pen."""
        place = THICKNESSES.index(self.thickness) + by
        self.thickness = THICKNESSES[max(0, min(len(THICKNESSES) - 1, place))]
        self.redraw()

    def action_undo(self) -> None:
        """Undo the last step, and lift the pen."""
        self.down = False
        if self.pad.before is None:
            self.notify("There is nothing to undo.")
        self._change(self.pad.undone())

    def action_clear(self) -> None:
        """Clear the pad, and lift the pen."""
        self.down = False
        if self.pad.is_empty:
            self.notify("Nothing is drawn yet.")
            self.redraw()
        else:
            self._change(self.pad.cleared())

    # The mouse

    def _pixel(self, event: events.MouseEvent) -> tuple[int, int]:
        """The pixel under the mouse."""
        width, height = self.size
        large = self._mode(width, height - 1) == "large"
        x, y = event.x - 1, event.y - 2
        return (y, x // 2) if large else (2 * y, x)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Start drawing."""
        row, column = self._pixel(event)
        rows, columns = self.pad.image.shape
        if 0 <= row < rows and 0 <= column < columns:
            self.capture_mouse()
            self.down = False
            self._place_pen(row, column)
            self._drag = self.pen
            self._stroke(self.pen, self.pen)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Draw on."""
        if self._drag is not None:
            self._place_pen(*self._pixel(event))
            if self.pen != self._drag:
                start, self._drag = self._drag, self.pen
                self._stroke(start, self.pen)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Lift the pen."""
        if self._drag is not None:
            self._drag = None
            self.release_mouse()


class ModelInput(ContentPane[Image]):
    """The image that the model gets: the drawing, or the drawing in the place MNIST gives it."""

    mode: image.Mode = "auto"

    def heading(self, content: Image) -> str:
        """The preprocessing of the drawing."""
        return f"What the model sees: {self.status}"

    def draw(self, content: Image, width: int, height: int) -> list[Strip]:
        """The image, as large as it fits."""
        if height < 1:
            return []
        return picture(content, width, height, self.terminal, self.mode)


class Prediction(ContentPane[Classified]):
    """The probabilities of the classes."""

    names: tuple[str, ...] = ()
    """Of the classes."""
    weights = ""
    """The epoch of the weights, as in `epoch 5`, also while the prediction is awaited."""

    def title(self) -> str:
        """The epoch of the weights, also where there is no prediction yet."""
        nothing = ", ".join(filter(None, ("What the model predicts", self.weights)))
        return nothing if self.content is None else self.heading(self.content)

    def heading(self, content: Classified) -> str:
        """The most probable class, and the epoch of the weights."""
        best = int(content.probabilities.argmax())
        return f"{self.names[best]} {content.probabilities[best]:.0%}, {self.weights}"

    def draw(self, content: Classified, width: int, height: int) -> list[Strip]:
        """A bar for each class, the most probable ones where there are many."""
        probabilities = content.probabilities
        return bars.probabilities(
            probabilities.tolist(),
            self.names,
            self.terminal,
            width,
            predicted=int(probabilities.argmax()),
            height=height,
        )
