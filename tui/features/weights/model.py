"""The first layer's neurons in an order, and the network of the form's settings before a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from rich.cells import cell_len

from mnistop.engine.analysis.network import FirstLayer, FirstWalk, first_walk
from mnistop.engine.axis import ceiling
from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import absolute
from mnistop.engine.formatting import with_sign
from mnistop.engine.images import resize
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import short_names, shorten
from mnistop.tui.draw.signed_image import View
from mnistop.tui.session.view import WRONG_FORM
from mnistop.tui.toolkit.background import LatestAnswer

if TYPE_CHECKING:
    from textual.dom import DOMNode

Order = Literal["index", "norm", "class"]

_SCALE_SHARE = 99.8
"""Percentage of the weights within the colour scale; single outliers would pale all others."""
_SCALE_STEPS = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)


@dataclass(frozen=True)
class Neurons:
    """A first layer as it is shown."""

    layer: FirstLayer
    names: tuple[str, ...]
    """Of the classes."""
    order: Order = "index"
    view: View = "color"
    """What is drawn of the weights to images in colour."""

    @property
    def legend_view(self) -> View | None:
        """The view, to explain it; None for gray images, which have one."""
        return self.view if self.layer.weights.ndim == 4 else None

    @property
    def orders(self) -> tuple[Order, ...]:
        """The orders that make a difference."""
        return ("index", "norm") if self.layer.is_single else ("index", "norm", "class")

    @cached_property
    def sorted(self) -> list[int]:
        """The neurons in their order."""
        layer = self.layer
        if self.order == "norm":
            order = np.argsort(-layer.norms, kind="stable")
        elif self.order == "class":
            strength = layer.to_classes.max(1)
            order = np.lexsort((-strength, layer.to_classes.argmax(1)))
        else:
            order = np.arange(len(layer.norms))
        return [int(neuron) for neuron in order]

    @cached_property
    def scale(self) -> float:
        """The weight that gets the full colour: one for all images, in steps, as it moves."""
        size = float(np.percentile(np.abs(np.nan_to_num(self.layer.weights)), _SCALE_SHARE))
        return ceiling(size, _SCALE_STEPS) if 1e-9 < size < 1e9 else 1.0

    @cached_property
    def _smaller(self) -> dict[tuple[int, int], Neurons]:
        return {}

    def reduced(self, pixels: tuple[int, int]) -> Neurons:
        """The same as images of fewer pixels, each a mean of the weights that it stands for.

        Args:
            pixels: rows and columns of an image.
        """
        if pixels == self.layer.weights.shape[1:3]:
            return self
        if pixels not in self._smaller:
            weights = resize(np.nan_to_num(self.layer.weights), *pixels, axis=1)
            self._smaller[pixels] = replace(self, layer=replace(self.layer, weights=weights))
        return self._smaller[pixels]

    def name(self, neuron: int) -> str:
        """`neuron 12`, or the class that it is."""
        return self.names[neuron] if self.layer.is_single else f"neuron {neuron}"

    def caption(self, neuron: int, width: int, terminal: Terminal) -> str:
        """Return the caption of an image: neuron, class, and the value that orders them."""
        layer = self.layer
        value = f"{layer.norms[neuron]:.2f}"
        arrow = "→" if terminal.unicode else "->"
        if layer.is_single:
            head, fed = "", neuron
            tail = f" norm {value}" if self.order == "norm" else ""
        else:
            head, fed = f"{neuron} {arrow} ", int(layer.to_classes[neuron].argmax())
            tail = {
                "index": "",
                "norm": f" norm {value}",
                "class": f" {with_sign(layer.to_classes[neuron].max())}",
            }[self.order]
        if len(tail) > width - 8:
            tail = tail.replace(" norm", "")
        if len(head) + cell_len(self.names[fed]) + len(tail) > width:
            head = head.replace(" ", "")
        room = width - len(tail)
        name = short_names(tuple(self.names), max(room - len(head), 0), terminal)[fed]
        return shorten(head + name, max(room, 0), terminal) + tail

    def words(self, neuron: int) -> str:
        """A sentence on one neuron."""
        layer = self.layer
        size = f"norm {layer.norms[neuron]:.2f}, bias {with_sign(layer.biases[neuron])}"
        if layer.is_single:
            return f"{self.name(neuron)}: {size}"
        best, worst = layer.to_classes[neuron].argmax(), layer.to_classes[neuron].argmin()
        return (
            f"{self.name(neuron)}: {size}; speaks for {self.names[best]} "
            f"({with_sign(layer.to_classes[neuron, best])}), against {self.names[worst]} "
            f"({with_sign(layer.to_classes[neuron, worst])})"
        )


class FormNetwork:
    """The network of the settings in the form, as a training begins with it.

    Args:
        node: a part of the app, in whose name questions are put.
        changed: called when the network is known, or why it is not.
    """

    def __init__(self, node: DOMNode, changed: Callable[[], object]) -> None:
        self._config: RunConfig | None = None
        self._answers = LatestAnswer(node, first_walk, changed)

    @property
    def answer(self) -> FirstWalk | None:
        """An image's way through it; None while it is not known."""
        return self._answers.answer

    @property
    def images(self) -> int:
        """The validation images; 1 while their number is not known."""
        return self.answer.images if self.answer else 1

    @property
    def status(self) -> str:
        """The reason why there is no network; empty if there is one."""
        if self._config is None:
            return WRONG_FORM
        if self.answer:
            return ""
        return self._answers.error or self._answers.progress("loading PyTorch and the images")

    def try_again(self) -> None:
        """Let a question that has failed be put once more."""
        if self._answers.error:
            self._answers.ask_again()

    def follow(self, config: RunConfig | None, row: int) -> None:
        """Ask for the way of a validation image through the network of some settings."""
        if config:
            config = replace(config, source=absolute(config.source))
        if config != self._config:
            self._config = config
            self._answers.forget()
        if config:
            self._answers.want(config, row, self._answers.progress_file)
