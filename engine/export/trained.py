"""A trained model as plain arrays, ready to be written for another program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.architecture import Architecture
from engine.errors import RunError
from engine.event_tail import read_events
from engine.history import History, reduce
from engine.questions import load_model_in
from engine.runs import Run

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
        epochs, path = _find(run, history, which)
        model, trained = load_model_in(run, path)
        layers = [
            (layer.weight.detach().numpy(), layer.bias.detach().numpy()) for layer in model.layers
        ]
        architecture = Architecture.of(history.started, run.config())
        sizes = [layers[0][0].shape[1], *(len(biases) for _, biases in layers)]
        if sizes != list(architecture.sizes):
            raise RunError(f"{path} is damaged: its weights fit no model of this run.")
        return cls(run.name, architecture, (trained if epochs is None else epochs) - 1, layers)


def _find(run: Run, history: History, which: str) -> tuple[int | None, Path]:
    """After how many epochs the weights were saved, if that is not in them, and their file."""
    last, best = run.path / "checkpoint.pt", run.path / "best.pt"
    if which == "last":
        return None, last
    saved = {one.file: one.epochs for one in history.saved}
    if which == "best":
        return saved.get("best.pt", 0), best
    kept = {number: run.path / f"snapshots/{number}.pt" for number in run.snapshots() if number}
    kept |= {saved[path.name]: path for path in (best, last) if path.name in saved}
    epochs = int(which) + 1
    if epochs not in kept:
        there = ", ".join(str(number - 1) for number in sorted(kept))
        raise RunError(
            f"Run {run.name} keeps no weights of epoch {which}: choose best, last or one of "
            f"{there}."
            if kept
            else f"Run {run.name} keeps no weights yet."
        )
    return epochs, kept[epochs]
