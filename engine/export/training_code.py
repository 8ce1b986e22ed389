"""The lines of a plain PyTorch script that trains with a configuration.

Only the lines that the configuration needs are written. The random numbers are drawn in the order
in which `mnistop.engine.training` draws them: the weights' from the seed, the orders' from the seed
plus 1, those of dropout and shifts from the seed plus 2.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from mnistop.engine.activations import ACTIVATIONS
from mnistop.engine.config import LOADED_BY, SPLIT_BY, RunConfig
from mnistop.engine.export.loop_code import Lines, LoopCode, lines_if


@dataclass(frozen=True)
class TrainingCode:
    """The code of a configuration, section by section."""

    config: RunConfig
    sizes: tuple[int, ...]
    """Numbers of inputs, hidden neurons and classes."""
    image_shape: tuple[int, ...]
    """Height and width in pixels, and 3 if the images are in colour."""
    images_name: str
    """The name of the file with the images."""
    device: str
    """Where the run was computed: `cpu`, `cuda` or `mps`."""
    threads: int
    """Processor threads of the run."""
    is_notebook: bool
    """True for a notebook, which looks for the images in the current folder."""

    def left_out(self) -> dict[str, str]:
        """Return the names of the hyperparameters that are not in the code, and why not."""
        config = self.config
        reasons = dict.fromkeys(LOADED_BY + SPLIT_BY, f"used to make {self.images_name}")
        for name in ("activation", "dropout"):
            if not config.hidden:
                reasons[name] = "there is no hidden layer"
        if config.optimizer != "sgd":
            reasons["momentum"] = f"the {config.optimizer} optimizer has none"
        if config.schedule == "constant":
            reasons["schedule"] = "the learning rate stays the same"
        for name in (
            *("momentum", "weight_decay", "dropout", "shift", "adversarial_epsilon"),
            *("early_stopping", "clip_norm"),
        ):
            if not getattr(config, name):
                reasons.setdefault(name, "off")
        if config.sampler == "shuffle":
            reasons["sampler"] = "every image is trained on once an epoch"
        if config.class_weights == "none":
            reasons["class_weights"] = "off"
        if self.device == "cpu":
            reasons["device"] = "this computes on the processor"
        return reasons

    def imports(self) -> Lines:
        """Return the imports."""
        return [
            *lines_if(self.config.schedule == "cosine", "import math"),
            *lines_if(not self.is_notebook, "from pathlib import Path"),
            *lines_if(self.config.schedule == "cosine" or not self.is_notebook, ""),
            "import numpy as np",
            "import torch",
            "import torch.nn.functional as F",
            "from torch import nn",
        ]

    def settings(self) -> Lines:
        """Return the hyperparameters."""
        config = self.config
        values = [
            f"epochs = {config.epochs}",
            f"batch_size = {config.batch_size}  # images for each update",
            f"learning_rate = {config.lr!r}",
            f"momentum = {config.momentum!r}  # share of the last update that the next one keeps",
            f"weight_decay = {config.weight_decay!r}  # pulls the weights towards 0",
            f"dropout = {config.dropout!r}  # share of hidden activations switched off in training",
            f"max_shift = {config.shift}  # pixels that a training image moves, at most",
            f"epsilon = {config.adversarial_epsilon!r}  # change of a pixel in adversarial images",
            f"patience = {config.early_stopping}  # epochs to wait for a lower validation loss",
            f"max_norm = {config.clip_norm!r}  # longer gradients are scaled down to this norm",
        ]
        names = (
            *("", "", "", "momentum", "weight_decay", "dropout", "shift", "adversarial_epsilon"),
            *("early_stopping", "clip_norm"),
        )
        left_out = self.left_out()
        return [
            *(line for name, line in zip(names, values, strict=True) if name not in left_out),
            f"seed = {config.seed}",
            *lines_if(self.device != "cpu", f'device = "{self.device}"'),
            f"torch.set_num_threads({self.threads})  # as in the run: it decides the rounding",
        ]

    def model(self) -> Lines:
        """Return the lines that make the model, and the optimizer if it is one of PyTorch's."""
        *hidden, last = itertools.pairwise(self.sizes)
        activation = ACTIVATIONS[self.config.activation].module
        layers = []
        for inputs, outputs in hidden:
            layers += [f"nn.Linear({inputs}, {outputs}),", f"nn.{activation}(),"]
            layers += lines_if(self.config.dropout, "nn.Dropout(dropout),")
        layers.append(f"nn.Linear({last[0]}, {last[1]}),")
        moved = "" if self.device == "cpu" else ".to(device)"
        return [
            "torch.manual_seed(seed)  # decides the first weights",
            "model = nn.Sequential(",
            *(f"    {layer}" for layer in layers),
            f"){moved}",
            *self._optimizer(),
        ]

    def _optimizer(self) -> Lines:
        config = self.config
        if config.optimizer == "manual":
            return []
        name = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop"}
        arguments = ["model.parameters()", "lr=learning_rate"]
        if config.optimizer == "sgd" and config.momentum:
            arguments.append("momentum=momentum")
        if config.weight_decay:
            arguments.append("weight_decay=weight_decay")
        elif config.optimizer == "adamw":
            arguments.append("weight_decay=0")  # its default is another
        call = f"optimizer = torch.optim.{name[config.optimizer]}"
        if len(arguments) < 4:
            return [f"{call}({', '.join(arguments)})"]
        return [f"{call}(", *(f"    {argument}," for argument in arguments), ")"]

    def augmentation(self) -> Lines:
        """Return the functions that change the images of a batch; empty without any."""
        config, lines = self.config, []
        height, width, *channels = self.image_shape
        shape = ", ".join(map(str, self.image_shape))
        padding = "[0, 0] + [max_shift] * 4" if channels else "[max_shift] * 4"
        on_device = "" if self.device == "cpu" else ", device=device"
        if config.shift:
            lines += [
                "def shift(x):",
                '    """Move each image by its own random number of pixels; the gap is black."""',
                "    down, right = torch.randint(0, 2 * max_shift + 1, (2, len(x))"
                f"{on_device}).tolist()",
                f"    padded = F.pad(x.view(-1, {shape}), {padding})",
                "    windows = [",
                f"        image[top : top + {height}, left : left + {width}]",
                "        for image, top, left in zip(padded, down, right)",
                "    ]",
                "    return torch.stack(windows).flatten(1)",
            ]
        if config.adversarial_epsilon:
            dropout = bool(config.hidden and config.dropout)
            lines += [
                *lines_if(lines, "", ""),
                "def fgsm(x, y):",
                '    """Change each pixel by epsilon in the direction in which the loss rises."""',
                *lines_if(dropout, "    model.eval()  # without dropout"),
                "    x = x.clone().requires_grad_()",
                "    logits = model(x)",
                f"    is_right = F.one_hot(y, {self.sizes[-1]}).bool()",
                "    # This rises as the loss does, and has a gradient even where the loss is 0:",
                "    wrong = logits.masked_fill(is_right, -torch.inf).logsumexp(1)",
                "    margin = wrong - logits[is_right]",
                "    (gradient,) = torch.autograd.grad(margin.sum(), x)",
                *lines_if(dropout, "    model.train()"),
                "    return (x + epsilon * gradient.sign()).detach().clamp(0, 1)",
            ]
        return lines

    def loop(self) -> Lines:
        """Return the training loop, with evaluation and log."""
        return LoopCode(self.config, self.sizes[-1], self.device).lines()
