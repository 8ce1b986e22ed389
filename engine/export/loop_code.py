"""The lines of a training loop in plain PyTorch, and those of one step of it."""

from __future__ import annotations

from dataclasses import dataclass

from mnistop.engine.config import RunConfig

Lines = list[str]


@dataclass(frozen=True)
class LoopCode:
    """The code of the training loop, with evaluation and log."""

    config: RunConfig
    classes: int
    device: str
    """Where the run was computed: `cpu`, `cuda` or `mps`."""

    def lines(self) -> Lines:
        """Return the training loop, with evaluation and log."""
        config = self.config
        dropout = bool(config.hidden and config.dropout)
        return [
            *self._class_balance(),
            "shuffling = torch.Generator().manual_seed(seed + 1)",
            *lines_if(dropout or config.shift, self._noise(dropout)),
            *lines_if(
                config.early_stopping, 'best_val_loss = float("inf")', "epochs_without_progress = 0"
            ),
            'print("epoch  train loss    val loss  train acc    val acc")',
            "",
            "for epoch in range(epochs):",
            *indented(self._schedule()),
            *lines_if(dropout, "    model.train()  # with dropout"),
            "    loss_sum, correct = 0.0, 0",
            *indented(self._order()),
            "    for rows in order.split(batch_size):",
            *indented(indented(self._step())),
            "",
            *lines_if(dropout, "    model.eval()  # without dropout"),
            "    with torch.no_grad():  # evaluation needs no gradients",
            "        logits = model(val_images)",
            "    val_loss = F.cross_entropy(logits, val_labels).item()",
            "    val_acc = (logits.argmax(1) == val_labels).float().mean().item()",
            "    train_loss, train_acc = loss_sum / len(order), correct / len(order)",
            "    print(",
            '        f"{epoch:5}  {train_loss:10.6f}  {val_loss:10.6f}  "',
            '        f"{train_acc:9.6f}  {val_acc:9.6f}"',
            "    )",
            *indented(self._early_stopping()),
        ]

    def _class_balance(self) -> Lines:
        """Return the lines that count the classes, and make weights of that."""
        weights = self.config.class_weights == "balanced"
        draws = self.config.sampler == "balanced"
        labels = "train_labels" if self.device == "cpu" else "train_labels.cpu()"
        return [
            *lines_if(
                weights or draws,
                f"class_counts = torch.bincount({labels}, minlength={self.classes})",
            ),
            *lines_if(
                weights,
                "# The rarer a class, the more its images count in the loss.",
                "class_weights = len(train_labels) / (class_counts.count_nonzero() * class_counts)",
                "class_weights[class_counts == 0] = 0",
                *lines_if(self.device != "cpu", "class_weights = class_weights.to(device)"),
            ),
            *lines_if(
                draws,
                "# The rarer a class, the more likely each of its images is drawn.",
                f"draw_weights = (1 / class_counts.double())[{labels}]",
            ),
            *lines_if(weights or draws, ""),
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
        what = " and ".join([*lines_if(dropout, "dropout"), *lines_if(self.config.shift, "shifts")])
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
            *lines_if(loss != "loss", "# The log is without class weights."),
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
            *lines_if(config.shift, "x = shift(x)"),
            *lines_if(
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
            *lines_if(config.clip_norm, "nn.utils.clip_grad_norm_(model.parameters(), max_norm)"),
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


def lines_if(needed: object, *lines: str) -> Lines:
    """Return lines if they are needed, else none."""
    return list(lines) if needed else []


def indented(lines: Lines) -> Lines:
    """Return lines one level further to the right."""
    return [f"    {line}" if line else "" for line in lines]
