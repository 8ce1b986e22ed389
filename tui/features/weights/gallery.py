"""The first layer's weights as images, a page at a time, with a cursor on one of them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len

from mnistop.tui.draw import image
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import clean, line, shorten
from mnistop.tui.draw.strip import Strip
from mnistop.tui.features.weights.model import Neurons
from mnistop.tui.toolkit.bindings import bindings, key, moves_in_grid, pages_of_grid
from mnistop.tui.toolkit.image_grid import ImageGrid, Tiles, fit

_USUAL_SHAPE = (128, 28, 28)
"""Neurons, rows and columns, to arrange the panes before the weights are known."""
_ORDER_WORDS = {"index": "", "norm": " by norm", "class": " by class"}


class WeightGallery(ImageGrid):
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

    NO_ROOM = "There is no room for an image here: enlarge the terminal, or z."

    neurons: Neurons | None = None
    neuron = 0
    """Under the cursor."""
    weights_of = ""
    """Whose weights they are, in words."""
    status = ""
    whole = False
    """Whether every weight is a pixel, even if few images fit then."""

    def __init__(self, terminal: Terminal, *, id: str | None = None) -> None:
        super().__init__(terminal, id=id)
        self._values: dict[int, NDArray[np.float32]] = {}
        """What each neuron's image shows: its weights by the scale."""

    def show(
        self,
        neurons: Neurons | None,
        neuron: int,
        weights_of: str,
        status: str,
        at_once: int | None = None,
    ) -> None:
        """Draws a first layer.

        Args:
            neurons: the neurons, or None to show only the status.
            neuron: the one under the cursor.
            weights_of: whose weights they are, as in `epoch 3`.
            status: what is being waited for or went wrong.
            at_once: how many images may give way to those of newer weights, the most changed
                first, while the others stay on the scale that they were drawn on; None for all.
        """
        if neurons is None or self.neurons is None or neurons.layer is not self.neurons.layer:
            self._give_way(neurons, at_once)
        self.neurons, self.neuron = neurons, neuron
        self.weights_of, self.status = weights_of, status
        self.redraw()

    def _give_way(self, newer: Neurons | None, at_once: int | None) -> None:
        self._drawn_of = None
        kept: list[int] = []
        if newer and at_once is not None:
            pixels = self.tiles.pixels
            drawn = newer.reduced(pixels)
            weights, scale = drawn.layer.weights, drawn.scale
            self._keep_values_of(pixels)
            seen = [neuron for neuron in self._on_page() if neuron in self._values]
            seen.sort(key=lambda each: abs(weights[each] / scale - self._values[each]).sum())
            kept = seen[: max(len(seen) - at_once, 0)]
        self._values = {neuron: self._values[neuron] for neuron in kept}

    def _keep_values_of(self, pixels: tuple[int, int]) -> None:
        values = self._values.items()
        self._values = {neuron: each for neuron, each in values if each.shape == pixels}

    @property
    def total(self) -> int:
        """How many neurons there are; 0 before they are known."""
        return len(self.neurons.sorted) if self.neurons else 0

    @property
    def position(self) -> int:
        """The place of the neuron under the cursor, in their order."""
        return self.neurons.sorted.index(self.neuron) if self.neurons else 0

    @property
    def why_empty(self) -> str:
        """Why there are no images."""
        return self.status

    @property
    def source(self) -> object:
        """The neurons of the page."""
        return self._on_page()

    def _on_page(self) -> list[int]:
        """The neurons of the page with the cursor."""
        return [self.neurons.sorted[each] for each in self.page] if self.neurons else []

    def fit(self, width: int, height: int) -> Tiles:
        """How the images would share a pane of some size."""
        total, rows, columns = self.neurons.layer.weights.shape if self.neurons else _USUAL_SHAPE
        shape = rows, columns
        return fit(width, height - 2, shape, total, self.terminal, self.mode, self.whole)

    @property
    def tiles(self) -> Tiles:
        """How the images share the pane."""
        return self.fit(*self.size)

    def title(self) -> str:
        """Which page, in which order, and whose weights."""
        if self.neurons is None:
            return "Weights of the first layer"
        total = len(self.neurons.sorted)
        size = max(self.tiles.count, 1)
        pages = -(-total // size)
        what = "Weights of linear_1"
        if pages > 1:
            what += f", page {self.position // size + 1} of {pages}"
        return f"{what}{_ORDER_WORDS[self.neurons.order]}, {self.weights_of}"

    def lines(self, width: int, height: int) -> list[Strip]:
        """The page with the cursor, the scale, and a sentence on the neuron under the cursor."""
        drawn = super().lines(width, height)
        if self.neurons is None or not self.tiles.count:
            return drawn
        scale = self.neurons.reduced(self.tiles.pixels).scale
        return [*drawn, *self._below(scale, width, height - len(drawn))]

    def pictures(self, row: Sequence[int], tiles: Tiles) -> list[Strip]:
        """Draw the images at some positions side by side."""
        assert self.neurons
        drawn = self.neurons.reduced(tiles.pixels)
        neurons = [self.neurons.sorted[each] for each in row]
        self._keep_values_of(tiles.pixels)
        for neuron in neurons:
            self._values.setdefault(neuron, drawn.layer.weights[neuron] / drawn.scale)
        values = [self._values[neuron] for neuron in neurons]
        return image.diverging_row(values, 1, tiles.width, self.GAP, self.terminal, tiles.mode)

    def caption(self, position: int, width: int) -> Strip:
        """The neuron's number and class, and what the order goes by."""
        assert self.neurons
        neuron = self.neurons.sorted[position]
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
