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

Lines = list[str]


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
            *_lines(self.config.schedule == "cosine", "import math"),
            *_lines(not self.is_notebook, "from pathlib import Path"),
            *_lines(self.config.schedule == "cosine" or not self.is_notebook, ""),
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
            *_lines(self.device != "cpu", f'device = "{self.device}"'),
            f"torch.set_num_threads({self.threads})  # as in the run: it decides the rounding",
        ]

    def model(self) -> Lines:
        """Return the lines that make the model, and the optimizer if it is one of PyTorch's."""
        *hidden, last = itertools.pairwise(self.sizes)
        activation = ACTIVATIONS[self.config.activation].module
        layers = []
        for inputs, outputs in hidden:
            layers += [f"nn.Linear({inputs}, {outputs}),", f"nn.{activation}(),"]
            layers += _lines(self.config.dropout, "nn.Dropout(dropout),")
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
                *_lines(lines, "", ""),
                "def fgsm(x, y):",
                '    """Change each pixel by epsilon in the direction in which the loss rises."""',
                *_lines(dropout, "    model.eval()  # without dropout"),
                "    x = x.clone().requires_grad_()",
                "    logits = model(x)",
                f"    is_right = F.one_hot(y, {self.sizes[-1]}).bool()",
                "    # This rises as the loss does, and has a gradient even where the loss is 0:",
                "    wrong = logits.masked_fill(is_right, -torch.inf).logsumexp(1)",
                "    margin = wrong - logits[is_right]",
                "    (gradient,) = torch.autograd.grad(margin.sum(), x)",
                *_lines(dropout, "    model.train()"),
                "    return (x + epsilon * gradient.sign()).detach().clamp(0, 1)",
            ]
        return lines

    def loop(self) -> Lines:
        """Return the training loop, with evaluation and log."""
        config = self.config
        dropout = bool(config.hidden and config.dropout)
        return [
            *self._class_balance(),
            "shuffling = torch.Generator().manual_seed(seed + 1)",
            *_lines(dropout or config.shift, self._noise(dropout)),
            *_lines(
                config.early_stopping, 'best_val_loss = float("inf")', "epochs_without_progress = 0"
            ),
            'print("epoch  train loss    val loss  train acc    val acc")',
            "",
            "for epoch in range(epochs):",
            *_indented(self._schedule()),
            *_lines(dropout, "    model.train()  # with dropout"),
            "    loss_sum, correct = 0.0, 0",
            *_indented(self._order()),
            "    for rows in order.split(batch_size):",
            *_indented(_indented(self._step())),
            "",
            *_lines(dropout, "    model.eval()  # without dropout"),
            "    with torch.no_grad():  # evaluation needs no gradients",
            "        logits = model(val_images)",
            "    val_loss = F.cross_entropy(logits, val_labels).item()",
            "    val_acc = (logits.argmax(1) == val_labels).float().mean().item()",
            "    train_loss, train_acc = loss_sum / len(order), correct / len(order)",
            "    print(",
            '        f"{epoch:5}  {train_loss:10.6f}  {val_loss:10.6f}  "',
            '        f"{train_acc:9.6f}  {val_acc:9.6f}"',
            "    )",
            *_indented(self._early_stopping()),
        ]

    def _class_balance(self) -> Lines:
        """Return the lines that count the classes, and make weights of that."""
        config, classes = self.config, self.sizes[-1]
        weights, draws = config.class_weights == "balanced", config.sampler == "balanced"
        labels = "train_labels" if self.device == "cpu" else "train_labels.cpu()"
        return [
            *_lines(
                weights or draws,
                f"class_counts = torch.bincount({labels}, minlength={classes})",
            ),
            *_lines(
                weights,
                "# The rarer a class, the more its images count in the loss.",
                "class_weights = len(train_labels) / (class_counts.count_nonzero() * class_counts)",
                "class_weights[class_counts == 0] = 0",
                *_lines(self.device != "cpu", "class_weights = class_weights.to(device)"),
            ),
            *_lines(
                draws,
                "# The rarer a class, the more likely each of its images is drawn.",
                f"draw_weights = (1 / class_counts.double())[{labels}]",
            ),
            *_lines(weights or draws, ""),
        ]

    def _order(self) -> Lines:
        """Return the line that puts the training images in the order of an epoch."""
        if self.config.sampler == "shuffle":
            return ["order = torch.randperm(len(train_images), generator=shuffling)"]
        return [
            "# As torch.utils.data.WeightedRandomSampler draws:",
            "order = torch.multinomial(",
            "    draw_weights, len(train_images), replacement=True, generator=shuffling",
            ")",
        ]

    def _noise(self, dropout: bool) -> str:
        what = " and ".join([*_lines(dropout, "dropout"), *_lines(self.config.shift, "shifts")])
        return f"torch.manual_seed(seed + 2)  # decides {what}"

    def _schedule(self) -> Lines:
        """Return the learning rate of an epoch, see `mnistop.engine.learning_rate`."""
        match self.config.schedule:
            case "constant":
                return []
            case "cosine":
                rate = "lr = learning_rate * (1 + math.cos(math.pi * epoch / epochs)) / 2"
                what = "# The learning rate falls to 0 along half a cosine."
            case "step":
                rate = (
                    "lr = learning_rate * 0.1 ** ((epoch >= epochs / 2) + (epoch >= epochs * 0.75))"
                )
                what = "# The learning rate falls to a tenth at 1/2 and at 3/4 of the epochs."
        if self.config.optimizer == "manual":
            return [what, rate]
        return [what, rate, 'optimizer.param_groups[0]["lr"] = lr']

    def _step(self) -> Lines:
        """Return what is done with a batch."""
        code = step_code(self.config)
        lines = (line for name in code if name != "batch" for line in code[name])
        return [
            *code["batch"],
            "",
            *lines,
            "",
            *self._log(),
        ]

    def _log(self) -> Lines:
        """Return the lines that add up a batch's loss and its correct predictions."""
        if self.config.adversarial_epsilon:
            return [
                "clean, y = logits[: len(rows)], y[: len(rows)]  # the log is of clean images",
                "loss_sum += F.cross_entropy(clean, y).item() * len(rows)",
                "correct += (clean.argmax(1) == y).sum().item()",
            ]
        loss = "loss"
        if self.config.class_weights == "balanced":
            loss = "F.cross_entropy(logits, y)"
        return [
            *_lines(loss != "loss", "# The log is without class weights."),
            f"loss_sum += {loss}.item() * len(rows)",
            "correct += (logits.argmax(1) == y).sum().item()",
        ]

    def _early_stopping(self) -> Lines:
        if not self.config.early_stopping:
            return []
        return [
            "epochs_without_progress += 1",
            "if val_loss < best_val_loss:",
            "    best_val_loss, epochs_without_progress = val_loss, 0",
            "if epochs_without_progress >= patience:",
            "    break  # early stopping",
        ]


def step_code(config: RunConfig) -> dict[str, Lines]:
    """Return the code of a training step: its batch, then the five lines of the loop by name."""
    adversarial = config.adversarial_epsilon
    clear = "optimizer" if config.optimizer != "manual" else "model"
    weighted = ", weight=class_weights" if config.class_weights == "balanced" else ""
    return {
        "batch": [
            "x, y = train_images[rows], train_labels[rows]",
            *_lines(config.shift, "x = shift(x)"),
            *_lines(
                adversarial,
                "x = torch.cat([x, fgsm(x, y)])  # clean images, then adversarial ones",
                "y = torch.cat([y, y])",
            ),
        ],
        "forward": ["logits = model(x)  # forward: a score for each class"],
        "loss": [f"loss = F.cross_entropy(logits, y{weighted})  # loss: how wrong the scores are"],
        "zero_grad": [f"{clear}.zero_grad()  # forget the gradients of the last batch"],
        "backward": [
            "loss.backward()  # backward: the gradient of the loss by each weight",
            *_lines(config.clip_norm, "nn.utils.clip_grad_norm_(model.parameters(), max_norm)"),
        ],
        "update": _update_code(config),
    }


def _update_code(config: RunConfig) -> Lines:
    if config.optimizer != "manual":
        return ["optimizer.step()  # update the weights"]
    rate = "learning_rate" if config.schedule == "constant" else "lr"
    gradient = "weight.grad"
    if config.weight_decay:
        gradient = "(weight.grad + weight_decay * weight)"
    return [
        "with torch.no_grad():  # update: a step against the gradient",
        "    for weight in model.parameters():",
        f"        weight -= {rate} * {gradient}",
    ]


def _lines(needed: object, *lines: str) -> Lines:
    """Return lines if they are needed, else none."""
    return list(lines) if needed else []


def _indented(lines: Lines) -> Lines:
    return [f"    {line}" if line else "" for line in lines]
