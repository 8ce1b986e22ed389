"""The first layer's weights as images, a page at a time, with a cursor on one of them."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from textual import events
from textual.message import Message

from mnistop.tui.draw import image
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import beside, clean, line, shorten
from mnistop.tui.draw.strip import Strip
from mnistop.tui.features.weights.model import Neurons
from mnistop.tui.toolkit.bindings import bindings, key, moves_in_grid, pages_of_grid
from mnistop.tui.toolkit.lines import LinesPane
from mnistop.tui.toolkit.tiles import Tiles, fit

_USUAL_SHAPE = (128, 28, 28)
"""Neurons, rows and columns, to arrange the panes before the weights are known."""
_GAP = 1
_ORDER_WORDS = {"index": "", "norm": " by norm", "class": " by class"}


class WeightGallery(LinesPane, can_focus=True):
    """One image a neuron, all on one scale."""

    BINDINGS = bindings(
        "weights",
        *moves_in_grid("neuron", "Neuron"),
        key("open", "enter", "open", "Large", "One neuron large, and what it feeds"),
        *pages_of_grid("neuron"),
    )

    EXPLANATION = (
        "Each image shows the weights between the pixels and one neuron of the first layer. Ink "
        "where they are positive (blue) raises the neuron's output, ink where they are negative "
        "(orange) lowers it. All are drawn on the one scale below them. Where 16 of them would "
        "not fit, each pixel is the mean of several weights; v shows every weight, or glyphs. "
        "The arrow above an image names the class that the neuron speaks for most."
    )

    @dataclass
    class Moved(Message):
        """Another neuron is under the cursor."""

        neuron: int

    class Opened(Message):
        """The neuron under the cursor shall be shown large."""

    neurons: Neurons | None = None
    neuron = 0
    """Under the cursor."""
    weights_of = ""
    """Whose weights they are, in words."""
    notice = ""
    mode: image.Mode = "auto"
    whole = False
    """Whether every weight is a pixel, even if few images fit then."""

    def __init__(self, terminal: Terminal, *, id: str | None = None) -> None:
        super().__init__(terminal, id=id)
        self._drawn: list[list[Strip]] = []
        self._drawn_of: tuple[list[int], Tiles] | None = None
        """The neurons and their arrangement that are drawn; None for those of other weights."""
        self._values: dict[int, NDArray[np.float32]] = {}
        """What each neuron's image shows: its weights by the scale."""

    def show(
        self,
        neurons: Neurons | None,
        neuron: int,
        weights_of: str,
        notice: str,
        at_once: int | None = None,
    ) -> None:
        """Draws a first layer.

        Args:
            neurons: the neurons, or None to show only the notice.
            neuron: the one under the cursor.
            weights_of: whose weights they are, as in `epoch 3`.
            notice: what is being waited for or went wrong.
            at_once: how many images may give way to those of newer weights, the most changed
                first, while the others stay on the scale that they were drawn on; None for all.
        """
        if neurons is None or self.neurons is None or neurons.layer is not self.neurons.layer:
            self._give_way(neurons, at_once)
        self.neurons, self.neuron = neurons, neuron
        self.weights_of, self.notice = weights_of, notice
        self.redraw()

    def _give_way(self, newer: Neurons | None, at_once: int | None) -> None:
        self._drawn_of = None
        kept: list[int] = []
        if newer and at_once is not None:
            pixels = self.tiles.pixels
            drawn = newer.reduced(pixels)
            weights, scale = drawn.layer.weights, drawn.scale
            self._keep_values_of(pixels)
            seen = [neuron for neuron in self._page() if neuron in self._values]
            seen.sort(key=lambda each: abs(weights[each] / scale - self._values[each]).sum())
            kept = seen[: max(len(seen) - at_once, 0)]
        self._values = {neuron: self._values[neuron] for neuron in kept}

    def _keep_values_of(self, pixels: tuple[int, int]) -> None:
        values = self._values.items()
        self._values = {neuron: each for neuron, each in values if each.shape == pixels}

    def _page(self) -> list[int]:
        """The neurons of the page with the cursor."""
        if self.neurons is None or not (count := self.tiles.count):
            return []
        first = self._position // count * count
        return self.neurons.sorted[first : first + count]

    def fit(self, width: int, height: int) -> Tiles:
        """How the images would share a pane of some size."""
        total, rows, columns = self.neurons.layer.weights.shape if self.neurons else _USUAL_SHAPE
        shape = rows, columns
        return fit(width, height - 2, shape, total, self.terminal, self.mode, self.whole)

    @property
    def tiles(self) -> Tiles:
        """How the images share the pane."""
        return self.fit(*self.size)

    @property
    def _position(self) -> int:
        assert self.neurons
        return self.neurons.sorted.index(self.neuron)

    def title(self) -> str:
        """Which page, in which order, and whose weights."""
        if self.neurons is None:
            return "Weights of the first layer"
        total = len(self.neurons.sorted)
        size = max(self.tiles.count, 1)
        pages = -(-total // size)
        what = "Weights of linear_1"
        if pages > 1:
            what += f", page {self._position // size + 1} of {pages}"
        return f"{what}{_ORDER_WORDS[self.neurons.order]}, {self.weights_of}"

    def lines(self, width: int, height: int) -> list[Strip]:
        """The page with the cursor, the scale, and a sentence on the neuron under the cursor."""
        if self.neurons is None:
            return self.say(self.notice, width)
        tiles = self.tiles
        if not tiles.count:
            return self.say(
                "There is no room for an image here: enlarge the terminal, or z.", width
            )
        shown = self._page()
        drawn: list[Strip] = []
        for row, pictures in zip(_by_rows(shown, tiles), self._pictures(shown, tiles), strict=True):
            captions = [[self._caption(neuron, tiles.width)] for neuron in row]
            drawn += [*beside(captions, _GAP), *pictures]
        scale = self.neurons.reduced(tiles.pixels).scale
        return [*drawn, *self._below(scale, width, height - len(drawn))]

    def _pictures(self, shown: list[int], tiles: Tiles) -> list[list[Strip]]:
        """The images of a page by rows; they stay while the cursor moves over them."""
        assert self.neurons
        drawn = self.neurons.reduced(tiles.pixels)
        weights, scale = drawn.layer.weights, drawn.scale
        if self._drawn_of != (shown, tiles):
            self._drawn_of = shown, tiles
            self._keep_values_of(tiles.pixels)
            for neuron in shown:
                self._values.setdefault(neuron, weights[neuron] / scale)
            self._drawn = [
                image.diverging_row(
                    [self._values[neuron] for neuron in row],
                    1,
                    tiles.width,
                    _GAP,
                    self.terminal,
                    tiles.mode,
                )
                for row in _by_rows(shown, tiles)
            ]
        return self._drawn

    def _caption(self, neuron: int, width: int) -> Strip:
        assert self.neurons
        chosen = neuron == self.neuron
        mark = ("▸" if self.terminal.unicode else ">") if chosen else " "
        caption = mark + self.neurons.caption(neuron, width - 1, self.terminal)
        style = self.palette.cursor if chosen else self.palette.muted
        return line([(caption.ljust(width), style)], width)

    def _below(self, scale: float, width: int, height: int) -> list[Strip]:
        """The scale and the words beside it, or below it where they fit only there."""
        assert self.neurons
        legend = image.legend(scale, self.terminal, self.mode)[0]
        words = clean(self.neurons.words(self.neuron), self.terminal)
        room = width - legend.cell_length - 2
        wrapped = textwrap.wrap(words, max(width, 8))
        if cell_len(words) > room and height > len(wrapped):
            return [legend, *(line([(part, None)], width) for part in wrapped)]
        text = "  " + shorten(words, max(room, 0), self.terminal)
        return [Strip.join([legend, line([(text, None)], max(room, 0) + 2)])]

    # Moving

    def _go(self, position: int) -> None:
        if self.neurons:
            last = len(self.neurons.sorted) - 1
            neuron = self.neurons.sorted[max(0, min(last, position))]
            if neuron != self.neuron:
                self.neuron = neuron
                self.redraw()
                self.post_message(self.Moved(neuron))

    def action_move(self, right: int, down: int) -> None:
        """Moves the cursor, on to the next page where this one ends."""
        if not self.neurons:
            self.notify(self.notice, markup=False)
        else:
            position = self._position + right + down * max(self.tiles.columns, 1)
            if 0 <= position < len(self.neurons.sorted):
                self._go(position)

    def action_page(self, by: int) -> None:
        """Goes to another page, to the same place in it."""
        if not self.neurons:
            self.notify(self.notice, markup=False)
        else:
            self._go(self._position + by * max(self.tiles.count, 1))

    def action_end(self, position: int) -> None:
        """Goes to the first or the last neuron."""
        if not self.neurons:
            self.notify(self.notice, markup=False)
        else:
            self._go(position % len(self.neurons.sorted))

    def action_open(self) -> None:
        """Asks for the neuron large."""
        if not self.neurons:
            self.notify(self.notice, markup=False)
        else:
            self.post_message(self.Opened())

    def on_click(self, event: events.Click) -> None:
        """Goes to the image that was clicked, and opens it by a second click."""
        tiles = self.tiles
        place = tiles.place(event.x, event.y - 1)
        if self.neurons is None or place is None:
            return
        position = self._position // tiles.count * tiles.count + place
        if position == self._position:
            self.action_open()
        elif position < len(self.neurons.sorted):
            self._go(position)


def _by_rows(shown: list[int], tiles: Tiles) -> list[list[int]]:
    return [shown[start : start + tiles.columns] for start in range(0, len(shown), tiles.columns)]
