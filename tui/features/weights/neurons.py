"""The first layer's neurons as images of their weights: a page of them, or one large."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from textual.message import Message

from mnistop.engine.formatting import with_sign
from mnistop.tui.draw import image, signed_image
from mnistop.tui.draw.bars import signed
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import PLAIN, Strip, beside, clean, line, shorten
from mnistop.tui.features.weights.model import Neurons
from mnistop.tui.toolkit.bindings import bindings, key, moves_in_grid, pages_of_grid, steps
from mnistop.tui.toolkit.image_grid import ImageGrid, Tiles, fit
from mnistop.tui.toolkit.pane import ContentPane

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
        "The arrow above an image names the class that the neuron speaks for most. Weights of "
        "images in colour are gray for 0; b shows one channel, or the largest of the three."
    )

    NO_ROOM = "There is no room for an image here: enlarge the terminal, or z."

    neurons: Neurons | None = None
    neuron = 0
    """Under the cursor."""
    weights_of = ""
    """The epoch of the weights, as in `epoch 3`."""
    status = ""
    whole = False
    """True to draw every weight as a pixel, even if few images fit then."""

    def __init__(self, terminal: Terminal, *, id: str | None = None) -> None:
        super().__init__(terminal, id=id)
        self._values: dict[int, NDArray[np.float32]] = {}
        """The drawn weights of each neuron, divided by the scale."""

    def show(
        self,
        neurons: Neurons | None,
        neuron: int,
        weights_of: str,
        status: str,
        at_once: int | None = None,
    ) -> None:
        """Draw a first layer.

        Args:
            neurons: the neurons, or None to show only the status.
            neuron: the one under the cursor.
            weights_of: the epoch of the weights, as in `epoch 3`.
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
        self._values = {neuron: each for neuron, each in values if each.shape[:2] == pixels}

    @property
    def total(self) -> int:
        """The number of neurons; 0 before they are known."""
        return len(self.neurons.sorted) if self.neurons else 0

    @property
    def position(self) -> int:
        """The place of the neuron under the cursor, in their order."""
        return self.neurons.sorted.index(self.neuron) if self.neurons else 0

    @property
    def why_empty(self) -> str:
        """The reason why there are no images."""
        return self.status

    @property
    def source(self) -> object:
        """The neurons of the page, and what is drawn of them."""
        return self._on_page(), self.neurons and self.neurons.view

    def _on_page(self) -> list[int]:
        """The neurons of the page with the cursor."""
        return [self.neurons.sorted[each] for each in self.page] if self.neurons else []

    def fit(self, width: int, height: int) -> Tiles:
        """Return the arrangement of the images in a pane of some size."""
        known = self.neurons.layer.weights.shape if self.neurons else _USUAL_SHAPE
        total, shape = known[0], known[1:3]
        return fit(width, height - 2, shape, total, self.terminal, self.mode, self.whole)

    @property
    def tiles(self) -> Tiles:
        """The arrangement of the images."""
        return self.fit(*self.size)

    def title(self) -> str:
        """The page, the order, and the epoch of the weights."""
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
        room = tiles.width, self.GAP, self.terminal, tiles.mode
        return signed_image.diverging_row(values, 1, *room, self.neurons.view)

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
        view = self.neurons.legend_view
        legend = signed_image.legend(scale, self.terminal, self.mode, view)[0]
        words = clean(self.neurons.words(self.neuron), self.terminal)
        room = width - legend.cell_length - 2
        wrapped = self.say(words, width, PLAIN)
        if cell_len(words) > room and height > len(wrapped):
            return [legend, *wrapped]
        text = "  " + shorten(words, max(room, 0), self.terminal)
        return [Strip.join([legend, line([(text, None)], max(room, 0) + 2)])]


_LEAST_TEXT = 34
_WIDEST_TEXT = 64


class WeightDetail(ContentPane[Neurons], can_focus=True):
    """A large image of weights, with words and bars beside it."""

    BINDINGS = bindings(
        "weights",
        *steps(
            "neuron in this order", "Neuron", "n,right,down,l,j,pagedown", "p,left,up,h,k,pageup"
        ),
    )

    EXPLANATION = (
        "A hidden neuron's output goes to every class with a weight of its own: a bar to the "
        "right speaks for the class, one to the left against it."
    )

    @dataclass
    class Stepped(Message):
        """The next or previous neuron is wanted."""

        by: int

    EMPTY_TITLE = "A neuron of the first layer"

    neuron = 0
    """The one that is shown."""
    weights_of = ""
    """The epoch of the weights, as in `epoch 3`."""
    mode: image.Mode = "auto"

    def heading(self, content: Neurons) -> str:
        """The neuron, and the epoch of its weights."""
        place = content.sorted.index(self.neuron) + 1
        name = content.name(self.neuron)
        name = f"Class {name}" if content.layer.is_single else name.capitalize()
        return f"{name}, {place} of {len(content.sorted)}, {self.weights_of}"

    def draw(self, content: Neurons, width: int, height: int) -> list[Strip]:
        """The image, and beside it the words and the bars."""
        weights = content.layer.weights[self.neuron]
        times, mode = 1, self.mode
        if mode == "auto":
            times = image.most_times(weights.shape, width - 2 - _LEAST_TEXT, height - 1)
        if times > 1:
            weights, mode = image.enlarged(weights, times)
        scale = content.scale
        drawn = [
            *signed_image.diverging(weights, scale, self.terminal, mode, content.view),
            *signed_image.legend(scale, self.terminal, mode, content.legend_view),
        ]
        cells = max(strip.cell_length for strip in drawn)
        drawn = [strip.adjust_cell_length(cells) for strip in drawn]
        room = min(width - cells - 2, _WIDEST_TEXT)
        return beside([drawn, self._beside(content, room, height)])[:height]

    def _beside(self, neurons: Neurons, width: int, height: int) -> list[Strip]:
        layer = neurons.layer
        total = len(neurons.sorted)
        rank = int((layer.norms > layer.norms[self.neuron]).sum()) + 1
        texts = [
            f"Norm {layer.norms[self.neuron]:.3f}, the {_ordinal(rank)} largest of {total}: how "
            "strongly the pixels affect it.",
            f"Bias {with_sign(layer.biases[self.neuron], 3)}: its value for an image that is all "
            "black.",
        ]
        if layer.is_single:
            texts.append(
                f"This is everything the model knows about {neurons.name(self.neuron)}: its "
                "logit is the sum of pixel times weight, plus the bias."
            )
            return self._wrapped(texts, width)
        heading = "Its weights to the classes:"
        if len(layer.sizes) > 3:
            heading = "What it adds to the logits, over all paths through the layers between:"
        words, above = self._wrapped(texts, width), self._wrapped([heading], width)
        if len(words) + len(above) + len(neurons.names) < height:
            words.append(Strip.blank(width))
        words += above
        bars = signed(
            layer.to_classes[self.neuron].tolist(),
            neurons.names,
            self.terminal,
            width,
            max(height - len(words), 1),
            float(abs(layer.to_classes).max()),
        )
        return words + bars

    def _wrapped(self, texts: list[str], width: int) -> list[Strip]:
        return [strip for text in texts for strip in self.say(text, width, PLAIN)]

    def action_step(self, by: int) -> None:
        """Ask for another neuron."""
        self.post_message(self.Stepped(by))


def _ordinal(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `4th`, …"""
    teen = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
