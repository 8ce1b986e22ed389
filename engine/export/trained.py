"""A trained model as plain arrays, and as a file that plain PyTorch loads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.analysis.loading import load_model, load_model_in, load_snapshot
from mnistop.engine.architecture import Architecture
from mnistop.engine.errors import RunError
from mnistop.engine.events import RunStarted
from mnistop.engine.learning_rate import after_divergence
from mnistop.engine.runs import snapshots
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.history import History, reduce
from mnistop.engine.runs.run_folder import Run

if TYPE_CHECKING:
    from mnistop.engine.model import MLP
import io

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Trained:
    """A model with the weights that it had after an epoch."""

    run: str
    """The name of the run."""
    architecture: Architecture
    epoch: int
    """The last epoch that the weights were trained in to its end, from 0; -1 for none."""
    layers: Sequence[tuple[Floats, Floats]]
    """Each linear layer's weights `(outputs, inputs)` and biases `(outputs,)`."""

    @classmethod
    def of(cls, run: Run, which: str = "best") -> Trained:
        """Reads the weights of a run.

        Args:
            run: the run.
            which: `best`, those of the highest validation accuracy; `last`, the newest; or the
                number of an epoch.

        Raises:
            RunError: there are no such weights, or they are damaged.
        """
        history = reduce(History(), read_events(run))
        if not history.started:
            raise RunError(f"Run {run.name} has not started to train yet.")
        model, epochs = _load(run, history.started, history, which)
        layers = [
            (layer.weight.detach().numpy(), layer.bias.detach().numpy()) for layer in model.layers
        ]
        architecture = Architecture.of(history.started, run.config())
        sizes = [layers[0][0].shape[1], *(len(biases) for _, biases in layers)]
        if sizes != list(architecture.sizes):
            raise RunError(f"{run.path} is damaged: its weights fit no model of this run.")
        return cls(run.name, architecture, epochs - 1, layers)


def _no_best(run: Run, history: History) -> str:
    """Why a run has no weights of a best epoch, and what to do."""
    if getattr(history.ended, "diverged", False):
        when = f"in epoch {len(history.epochs)}"
        return (
            f"Run {run.name} diverged {when}, before the weights of a best epoch were saved: there "
            f"is no trained model to export. {after_divergence(run.config())}"
        )
    when = "ended before it had" if history.ended else "has not yet"
    remedy = "resume it" if history.ended else "wait for its first epochs"
    return f"Run {run.name} {when} saved the weights of a best epoch: {remedy}."


def _load(run: Run, started: RunStarted, history: History, which: str) -> tuple[MLP, int]:
    """The model, and after how many epochs its weights were saved."""
    last, best = run.path / "checkpoint.pt", run.path / "best.pt"
    if which == "last":
        return load_model(run)
    saved = {one.file: one.epochs for one in history.saved}
    if which == "best":
        if not os.path.exists(best):
            raise RunError(_no_best(run, history))
        return load_model_in(run, best)[0], saved.get(best.name, 0)
    files = {saved[path.name]: path for path in (best, last) if path.name in saved}
    epochs = int(which) + 1
    if epochs in files:
        return load_model_in(run, files[epochs])[0], epochs
    kept = {number for number in snapshots.kept(run, started.layers) if number}
    if epochs in kept:
        return load_snapshot(run, epochs), epochs
    there = ", ".join(str(number - 1) for number in sorted(kept | set(files)))
    raise RunError(
        f"Run {run.name} keeps no weights of epoch {which}: choose best, last or one of {there}."
        if there
        else f"Run {run.name} keeps no weights yet."
    )


def to_pytorch(trained: Trained) -> bytes:
    """The content of a file for `torch.load(…, weights_only=True)`, a dictionary.

    `state_dict` fits the `nn.Sequential` of `modules`, each given as its class in `torch.nn` and
    its arguments; `Architecture.in_pytorch` has the lines. The model takes flat images with pixels
    in [0, 1] and gives logits.
    """
    import torch

    architecture = trained.architecture
    weights = {}
    for place, layer in enumerate(trained.layers):
        for name, values in zip(("weight", "bias"), layer, strict=True):
            weights[f"{2 * place}.{name}"] = torch.from_numpy(values)
    content = {
        "state_dict": weights,
        "modules": architecture.modules,
        "class_names": list(architecture.class_names),
        "image_shape": architecture.image_shape,
        "run": trained.run,
        "epoch": trained.epoch,
    }
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()
