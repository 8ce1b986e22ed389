"""One neuron of the first layer, large, and what it says to the classes."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from textual.message import Message

from mnistop.engine.formatting import with_sign
from mnistop.tui.draw import image
from mnistop.tui.draw.cells import beside, clean, line
from mnistop.tui.draw.signed import signed
from mnistop.tui.draw.strip import Strip
from mnistop.tui.features.weights.model import Neurons
from mnistop.tui.toolkit.bindings import bindings, steps
from mnistop.tui.toolkit.lines import LinesPane

_LEAST_TEXT = 34
_WIDEST_TEXT = 64


class WeightDetail(LinesPane, can_focus=True):
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
        """The next or previous neuron shall be shown."""

        by: int

    neurons: Neurons | None = None
    neuron = 0
    weights_of = ""
    mode: image.Mode = "auto"

    def show(self, neurons: Neurons | None, neuron: int, weights_of: str) -> None:
        """Draws a neuron.

        Args:
            neurons: all neurons.
            neuron: which one.
            weights_of: whose weights they are, as in `epoch 3`.
        """
        self.neurons, self.neuron, self.weights_of = neurons, neuron, weights_of
        self.redraw()

    def title(self) -> str:
        """Which neuron, and whose weights."""
        if self.neurons is None:
            return "A neuron of the first layer"
        place = self.neurons.sorted.index(self.neuron) + 1
        name = self.neurons.name(self.neuron)
        name = f"Class {name}" if self.neurons.layer.is_single else name.capitalize()
        return f"{name}, {place} of {len(self.neurons.sorted)}, {self.weights_of}"

    def lines(self, width: int, height: int) -> list[Strip]:
        """The image, and beside it the words and the bars."""
        if self.neurons is None:
            return []
        weights = self.neurons.layer.weights[self.neuron]
        mode = self._mode(weights.shape[0], weights.shape[1], width, height)
        scale = self.neurons.scale
        drawn = [
            *image.diverging(weights, scale, self.terminal, mode),
            *image.legend(scale, self.terminal, mode),
        ]
        cells = max(strip.cell_length for strip in drawn)
        drawn = [strip.adjust_cell_length(cells) for strip in drawn]
        room = min(width - cells - 2, _WIDEST_TEXT)
        return beside([drawn, self._beside(room, height)])[:height]

    def _mode(self, rows: int, columns: int, width: int, height: int) -> image.Mode:
        fits = rows + 1 <= height and 2 * columns + 2 + _LEAST_TEXT <= width
        return "large" if self.mode == "auto" and fits else self.mode

    def _beside(self, width: int, height: int) -> list[Strip]:
        assert self.neurons
        layer = self.neurons.layer
        total = len(self.neurons.sorted)
        rank = int((layer.norms > layer.norms[self.neuron]).sum()) + 1
        texts = [
            f"Norm {layer.norms[self.neuron]:.3f}, the {_ordinal(rank)} largest of {total}: how "
            "strongly the pixels affect it.",
            f"Bias {with_sign(layer.biases[self.neuron], 3)}: its value for an image that is all "
            "black.",
        ]
        if layer.is_single:
            texts.append(
                f"This is everything the model knows about {self.neurons.name(self.neuron)}: its "
                "logit is the sum of pixel times weight, plus the bias."
            )
            return self._wrapped(texts, width)
        heading = "Its weights to the classes:"
        if len(layer.sizes) > 3:
            heading = "What it adds to the logits, over all paths through the layers between:"
        words, above = self._wrapped(texts, width), self._wrapped([heading], width)
        if len(words) + len(above) + len(self.neurons.names) < height:
            words.append(Strip.blank(width))
        words += above
        bars = signed(
            layer.to_classes[self.neuron].tolist(),
            self.neurons.names,
            self.terminal,
            width,
            max(height - len(words), 1),
            float(abs(layer.to_classes).max()),
        )
        return words + bars

    def _wrapped(self, texts: list[str], width: int) -> list[Strip]:
        return [
            line([(part, None)], width)
            for text in texts
            for part in textwrap.wrap(clean(text, self.terminal), max(width, 8))
        ]

    def action_step(self, by: int) -> None:
        """Asks for another neuron."""
        self.post_message(self.Stepped(by))


def _ordinal(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `4th`, …"""
    teen = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
