"""The layers of the network, and one validation image's way through them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from rich.cells import cell_len
from textual import events
from textual.message import Message

from mnistop.engine.analysis.network import FloatArray, Step, Walk
from mnistop.tui.draw import bars, image, signed_image
from mnistop.tui.draw.bars import signed
from mnistop.tui.draw.cells import PLAIN, Piece, Strip, beside, clean, flow, line, shorten
from mnistop.tui.text.one_image import (
    explain_network,
    layer_name,
    outputs_text,
    parameters_text,
    shape_text,
)
from mnistop.tui.toolkit.bindings import bindings, hidden, key
from mnistop.tui.toolkit.pane import ContentPane
from mnistop.tui.toolkit.scrolled_pane import ScrolledPane

LEAST_HEIGHT = 6
"""Lines of the shortest form: the title, the steps, the parameters and a strip of values."""
LEAST_WIDTH = 56
_LEAST_VALUES = 4
"""Lines of the values of a step, at least."""
_WIDEST_BARS = 56
_WIDEST_WORDS = 76


class Network(ScrolledPane, ContentPane[Walk], can_focus=True):
    """A table of the steps, the values of one of them, and the explanation."""

    BINDINGS = bindings(
        "weights",
        key("step_up", "up,k", "step(-1)", "Step", "The values of the step before", "↑↓"),
        hidden("step_down", "down,j", "step(1)", "Down", "The values of the step after"),
        key("next_image", "n,right,l", "image(1)", "Image", "The next validation image", "n/p"),
        hidden("previous_image", "p,left,h", "image(-1)", "Previous", "The image before"),
    )

    EXPLANATION = (
        "A validation image's path through the network: the shape of its batch after each step, "
        "and the values for the image itself."
    )

    @dataclass
    class ImageStepped(Message):
        """The next or previous validation image is wanted."""

        by: int

    EMPTY_TITLE = "The network"

    names: tuple[str, ...] = ()
    """Of the classes."""
    weights_of = ""
    """The epoch of the weights, as in `epoch 3`."""
    mode: image.Mode = "auto"
    _rows, _width = 0, 0
    """Steps that have a row of their own, and its cells."""
    chosen: int | None = None
    """The step whose values are shown, None for the usual one."""

    def heading(self, content: Walk) -> str:
        """The image, and the epoch of the weights."""
        label = self.names[content.label]
        title = f"Network, {self.weights_of}: image {content.row}, a {label}"
        return f"{title}, {self.status}" if self.status else title

    def _chosen(self, walk: Walk) -> int:
        """The first activation to begin with, or the probabilities where there is none."""
        last = len(walk.steps) - 1
        if self.chosen is None:
            return 2 if last > 2 else last
        return min(self.chosen, last)

    def draw(self, content: Walk, width: int, height: int) -> list[Strip]:
        """Table, values and words side by side, below each other, or in their shortest form."""
        table = self._table(content, width)
        table_width = table[0].cell_length
        # Words follow the table: where no line is left below it, its own last one would be the
        # mark of the lines that are out of sight.
        fits = height > len(table)
        self._rows = len(content.steps) if fits else 0
        self._width = table_width
        if not fits:
            return self._short(content, width, height)
        if width >= table_width + 2 * 50:
            room = width - table_width - 6
            values = self._values(content, min(room // 2, _WIDEST_BARS), height)
            room -= values[0].cell_length
            return beside([table, values, self._words(content, min(room, _WIDEST_WORDS))], 3)
        table = [strip.adjust_cell_length(width) for strip in table]
        words = self._words(content, min(width, _WIDEST_WORDS))
        left = max(height - len(table) - 1, _LEAST_VALUES)
        values = self._values(content, min(width, 2 * _WIDEST_BARS), left, len(words) + 1)
        return [*table, Strip.blank(width), *values, Strip.blank(width), *words]

    # Table

    def _table(self, walk: Walk, width: int) -> list[Strip]:
        """A line a step, the chosen one marked, and the total of the parameters."""
        before = [None, *walk.steps]
        rows = [("", "step", "shape", "parameters", f"image {walk.row}")]
        mark = "▸" if self.terminal.unicode else ">"
        chosen = self._chosen(walk)
        for index, (step, last) in enumerate(zip(walk.steps, before, strict=False)):
            rows.append(
                (
                    mark if index == chosen else " ",
                    layer_name(step.name),
                    shape_text(step),
                    clean(parameters_text(step, last), self.terminal),
                    shorten(outputs_text(step, walk, self.names), 34, self.terminal),
                )
            )
        total = sum(step.parameters for step in walk.steps)
        rows.append(("", "total", "", f"{total:,}", ""))
        widths = [max(cell_len(row[column]) for row in rows) for column in range(5)]
        if sum(widths) + 8 > width:
            rows = [(*row[:3], row[3].partition(" =")[0], row[4]) for row in rows]
            widths[3] = max(cell_len(row[3]) for row in rows)
        widths[4] = max(min(widths[4], width - sum(widths[1:4]) - 8), 0)
        drawn = []
        for index, (sign, name, shape, count, result) in enumerate(rows):
            result = shorten(result, widths[4], self.terminal)
            text = (
                f"{sign:1} {name:<{widths[1]}}  {shape:<{widths[2]}}  {count:<{widths[3]}}  "
                f"{result}{' ' * (widths[4] - cell_len(result))}"
            )
            style = None
            if index == 0:
                style = self.palette.muted
            elif index - 1 == chosen:
                style = self.palette.cursor if self.has_focus else self.palette.strong
            drawn.append(line([(text, style)], cell_len(text)))
        return drawn

    def _short(self, walk: Walk, width: int, height: int) -> list[Strip]:
        """The way in as few lines as it takes, the parameters, and the values."""
        arrow = " → " if self.terminal.unicode else " -> "
        groups: list[list[Piece]] = []
        for index, step in enumerate(walk.steps):
            name = f"{layer_name(step.name)} " if index else ""
            style = PLAIN
            if index == self._chosen(walk):
                style = self.palette.cursor if self.has_focus else self.palette.strong
            lead = arrow if index else ""
            groups.append([(lead, self.palette.muted), (f"{name}{shape_text(step)}", style)])
        drawn = [line(row, width) for row in flow(groups, width)]
        layers = [f"{step.name} {step.parameters:,}" for step in walk.steps if step.parameters]
        total = sum(step.parameters for step in walk.steps)
        result = outputs_text(walk.steps[-1], walk, self.names)
        text = f"{total:,} parameters: {', '.join(layers)}. The model predicts {result}."
        drawn.append(line([(shorten(text, width, self.terminal), None)], width))
        left = height - len(drawn)
        return [*drawn, *(self._values(walk, width, left) if left > 1 else [])][:height]

    # Values of the chosen step

    def _values(self, walk: Walk, width: int, height: int, below: int = 0) -> list[Strip]:
        """A caption, and the values of the chosen step as a picture, bars or a strip of cells.

        Args:
            walk: the image's path.
            width: cells of a line.
            height: most lines.
            below: lines that a strip leaves free if it can.
        """
        index = self._chosen(walk)
        step = walk.steps[index]
        classes = len(walk.steps[-1].values)
        result = outputs_text(step, walk, self.names)
        caption = f"{layer_name(step.name)} of image {walk.row}: {result}"
        drawn = [line([(shorten(caption, width, self.terminal), self.palette.strong)], width)]
        room = height - 1
        wide = min(width, _WIDEST_BARS)
        if index == 0:
            fits = image.most_times(walk.image_shape, width, room) > 0
            pixels = step.values.reshape(walk.image_shape)
            picture = image.picture(pixels, width, room, self.terminal, self.mode)
            body = picture if fits else self._strip(step, width, room)
        elif step.name == "softmax" and room >= min(classes, 5):
            guess = int(step.values.argmax())
            body = bars.probabilities(
                step.values.tolist(), self.names, self.terminal, wide, walk.label, guess, room
            )
        elif index == len(walk.steps) - 2 and room >= min(classes, 5):
            body = signed(step.values.tolist(), self.names, self.terminal, wide, room)
        else:
            body = self._strip(step, width, max(room - below, min(room, 3)))
        return drawn + [strip.adjust_cell_length(width) for strip in body]

    def _strip(self, step: Step, width: int, height: int) -> list[Strip]:
        """The values in reading order, two cells each where there is room, and their scale."""
        values = step.values
        cells = 2 if 2 * len(values) <= width * max(height - 1, 1) else 1
        columns = max(min(width // cells, len(values)), 1)
        rows = min(-(-len(values) // columns), max(height, 1))
        if rows * columns < len(values):
            rows = max(height - 1, 1)
        shown = values[: rows * columns]
        full = float(np.abs(values).max()) or 1.0
        signs = bool((values < 0).any())
        drawn: list[Strip] = []
        for start in range(0, len(shown), columns):
            row = np.repeat(shown[start : start + columns][None, :], cells, axis=1)
            drawn += self._cells(row, full, signs)
        if height > len(drawn):
            scale = signed_image.legend(full, self.terminal, self.mode) if signs else []
            words = "two cells a value" if cells == 2 else "one cell a value"
            words += "" if signs else f", the brightest is {full:.2f}"
            if missing := len(values) - len(shown):
                words += f", {missing} more do not fit here"
            text = f"  {words}" if signs else words
            drawn.append(Strip.join([*scale, line([(text, self.palette.muted)], len(text))]))
        return [strip.crop(0, width) for strip in drawn]

    def _cells(self, row: FloatArray, full: float, both_signs: bool) -> list[Strip]:
        pixels = np.repeat(row, 2, axis=0)
        if both_signs:
            return signed_image.diverging(pixels, full, self.terminal, self.mode)
        return image.draw(pixels / full, self.terminal, self.mode)

    def _words(self, walk: Walk, width: int) -> list[Strip]:
        return [strip for text in explain_network(walk) for strip in self.say(text, width, PLAIN)]

    # Keys

    def on_click(self, event: events.Click) -> None:
        """Show the values of the step whose row was clicked."""
        step = event.y - 2 + self._first
        if self.content and 0 <= step < self._rows and event.x < self._width:
            self.chosen = step
            self.redraw()

    def action_step(self, by: int) -> None:
        """Show the values of another step."""
        if self.content:
            last = len(self.content.steps) - 1
            self.chosen = max(0, min(last, self._chosen(self.content) + by))
            self.redraw()
        else:
            self.notify(self.status, markup=False)

    def action_image(self, by: int) -> None:
        """Ask for another image, also while the first one is still read."""
        self.post_message(self.ImageStepped(by))
        if self.content is None:
            self.notify(self.status, markup=False)
