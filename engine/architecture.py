"""A model's architecture, and the code that builds it in plain PyTorch."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass

from mnistop.engine.activations import ACTIVATIONS
from mnistop.engine.config import RunConfig
from mnistop.engine.events import RunStarted


@dataclass(frozen=True)
class Architecture:
    """A model without its weights."""

    sizes: Sequence[int]
    """Numbers of inputs, hidden neurons and classes."""
    activation: str
    class_names: Sequence[str]
    image_shape: tuple[int, int]
    """Height and width in pixels."""

    @classmethod
    def of(cls, started: RunStarted, config: RunConfig) -> Architecture:
        """The model of a run that has begun to train."""
        return cls(started.layers or (), config.activation, started.class_names, started.shape)

    @property
    def modules(self) -> list[tuple[str, list[int]]]:
        """The parts of an `nn.Sequential`: each one's class in `torch.nn` and its arguments."""
        modules: list[tuple[str, list[int]]] = []
        for inputs, outputs in itertools.pairwise(self.sizes):
            modules += [("Linear", [inputs, outputs]), (ACTIVATIONS[self.activation].module, [])]
        return modules[:-1]

    def in_pytorch(self, file: str) -> str:
        """The lines that load a file of `mnistop.engine.export.model` without this program."""
        modules = "\n".join(
            f"    nn.{name}({', '.join(map(str, arguments))})," for name, arguments in self.modules
        )
        pixels = self.image_shape[0] * self.image_shape[1]
        return (
            "import torch\n"
            "from torch import nn\n"
            "\n"
            f"saved = torch.load({json.dumps(file)}, weights_only=True)\n"
            f"model = nn.Sequential(\n{modules}\n)\n"
            'model.load_state_dict(saved["state_dict"])\n'
            "model.eval()\n"
            f"logits = model(images)  # images: (n, {pixels}), pixels in [0, 1]"
        )
