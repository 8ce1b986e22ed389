"""The facts of a run for the terminal, a report or a script, and how to make its model again."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from mnistop.engine.activations import ACTIVATIONS
from mnistop.engine.analysis.coach import Advice, advise
from mnistop.engine.config import RunConfig
from mnistop.engine.errors import RunError
from mnistop.engine.evaluate import class_report, confusion_matrix, wilson_interval
from mnistop.engine.events import Event
from mnistop.engine.learning_rate import follow_schedule
from mnistop.engine.runs.entry import About, Summary, read_about
from mnistop.engine.runs.history import History, or_nan, others_as_good
from mnistop.engine.runs.lookup import quoted
from mnistop.engine.runs.predictions import (
    EpochPredictions,
    Mistake,
    load_predictions,
    worst_mistakes,
)
from mnistop.engine.runs.run_folder import Run


@dataclass(frozen=True, eq=False)
class Facts(Summary):
    """A run as it stood when it was read, and one epoch for a closer look."""

    epoch: int | None = None
    """The epoch of the confusion matrix and the mistakes; None before the first."""

    @classmethod
    def of(cls, run: Run, epoch: int | None = None) -> Self:
        """Read a run, finished or in training.

        Args:
            run: the run.
            epoch: that of the confusion matrix and the mistakes; None for the newest.

        Raises:
            RunError: its configuration cannot be read, or it has no such epoch.
        """
        facts = super().of(run)
        finished = len(facts.history.epochs)
        if epoch is not None and not 0 <= epoch < finished:
            there = f"epochs 0 to {finished - 1}" if finished else "no epochs yet"
            raise RunError(f"Run {run.name} has {there}, not {epoch}.")
        newest = finished - 1 if finished else None
        return replace(facts, epoch=newest if epoch is None else epoch)

    @property
    def schedules(self) -> str:
        """A sentence if its learning rate followed more than one schedule; otherwise empty."""
        if self.is_recorded or follow_schedule(self.config, self.history.epochs):
            return ""
        return (
            "It was continued to a different number of epochs under a schedule: until then its "
            "learning rate followed the shorter schedule, so a new run with these settings differs."
        )

    @property
    def can_be_longer(self) -> bool:
        """True if the run is finished and can be continued from there."""
        reason = getattr(self.history.ended, "reason", "")
        return reason == "all epochs" and not (self.run.sweep or self.run.is_recorded())

    @cached_property
    def about(self) -> About:
        """The name and note that the user gave it."""
        return read_about(self.run)

    @property
    def title(self) -> str:
        """The name that the user gave it, otherwise its two words."""
        return self.about.name or self.run.words

    @cached_property
    def predictions(self) -> EpochPredictions | None:
        """The predictions for the validation images after `epoch`, if recorded."""
        return None if self.epoch is None else self._predictions_after(self.epoch + 1)

    def _predictions_after(self, epochs: int) -> EpochPredictions | None:
        if not self.history.started:
            return None
        return load_predictions(self.run, epochs, len(self.history.started.class_names))

    @cached_property
    def advice(self) -> Advice:
        """The coach's advice after the newest epoch."""
        epochs = len(self.history.epochs)
        newest = self.epoch is not None and self.epoch + 1 == epochs
        predictions = self.predictions if newest else self._predictions_after(epochs)
        return advise(self.history, self.config, predictions)

    @cached_property
    def counts(self) -> NDArray[np.int64] | None:
        """The confusion matrix after `epoch`, `(classes, classes)`: rows true."""
        known = self.predictions
        if known is None:
            return None
        return confusion_matrix(known.labels, known.predicted, known.classes)

    def mistakes(self, most: int = 8) -> list[Mistake]:
        """Return the most confident mistakes after `epoch`, at most this many."""
        started = self.history.started
        if not (self.predictions and started):
            return []
        return worst_mistakes(self.run, self.predictions, started.shape, most)

    def as_json(self) -> dict[str, Any]:
        """Return all facts as values for JSON; None for those not known yet."""
        history = self.history
        started, counts = history.started, self.counts
        facts = self.listed.as_json() | {
            "changes": self.config.changes(),
            "facts": started and _without_time(started),
            "log": [_without_time(one) for one in history.epochs],
            "coach": vars(self.advice),
            "test": None,
            "message": getattr(history.ended, "message", ""),
            "best": None,
            "confusion": None,
            "mistakes": None,
        }
        if started and history.best:
            images = started.validation_images
            facts["best"] = {
                "epoch": history.best.epoch,
                "val_acc": history.best.val_acc,
                "interval": wilson_interval(or_nan(history.best.val_acc), images),
                "other_epochs_within": others_as_good(history),
            }
        if history.tested:
            tested = _without_time(history.tested)
            best, images = history.test_acc, history.tested.images
            interval = None if best is None else wilson_interval(best, images)
            facts["test"] = tested | {"interval": interval}
        if counts is not None:
            scores = class_report(counts)
            facts["confusion"] = {
                "epoch": self.epoch,
                "counts": counts.tolist(),
                "recall": [score.recall for score in scores],
                "precision": [score.precision for score in scores],
            }
            facts["mistakes"] = [_mistake(one) for one in self.mistakes()]
        return facts


def _without_time(event: Event) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(event)
    return {name: value for name, value in values.items() if name not in ("run", "time", "event")}


def _mistake(mistake: Mistake) -> dict[str, Any]:
    return {
        "row": mistake.row,
        "label": mistake.label,
        "prediction": int(mistake.probabilities.argmax()),
        "probabilities": [float(one) for one in mistake.probabilities],
    }


def train_command(config: RunConfig) -> str:
    """Return the command that trains with this configuration."""
    return " ".join(["mnistop train", *_flags(config.changes())])


def doubts_command(config: RunConfig) -> str:
    """Return the command that looks for doubted labels with this configuration."""
    settings = config.changes()
    source = settings.pop("source", config.source)
    if config.samples is None:
        del settings["samples"]  # the command's default
    return " ".join(["mnistop data", quoted(source), *_flags(settings), "--doubts"])


def _flags(settings: Mapping[str, str]) -> list[str]:
    """Return settings as flags of a command."""
    return [f"--{name.replace('_', '-')} {quoted(text)}" for name, text in settings.items()]


@dataclass(frozen=True)
class Architecture:
    """A model without its weights."""

    sizes: Sequence[int]
    """Numbers of inputs, hidden neurons and classes."""
    activation: str
    class_names: Sequence[str]
    image_shape: tuple[int, ...]
    """Height and width in pixels, and 3 if the images are in colour."""

    @classmethod
    def of(cls, history: History, config: RunConfig) -> Architecture:
        """Return the model of a run that has started to train; a recorded one has kept an MLP."""
        started, kept = history.started, history.kept
        assert started
        activation = kept.activation if kept else config.activation
        return cls(started.layers or (), activation, started.class_names, started.shape)

    @property
    def modules(self) -> list[tuple[str, list[int]]]:
        """The modules of an `nn.Sequential`: the class in `torch.nn` and the arguments of each."""
        modules: list[tuple[str, list[int]]] = []
        for inputs, outputs in itertools.pairwise(self.sizes):
            modules += [("Linear", [inputs, outputs]), (ACTIVATIONS[self.activation].module, [])]
        return modules[:-1]

    def in_pytorch(self, file: str) -> str:
        """Return the code that loads a file of `mnistop.engine.export.model` without this
        program."""
        modules = "\n".join(
            f"    nn.{name}({', '.join(map(str, arguments))})," for name, arguments in self.modules
        )
        pixels = math.prod(self.image_shape)
        order = ", channels last" if self.image_shape[2:] else ""
        return (
            "import torch\n"
            "from torch import nn\n"
            "\n"
            f"saved = torch.load({json.dumps(file)}, weights_only=True)\n"
            f"model = nn.Sequential(\n{modules}\n)\n"
            'model.load_state_dict(saved["state_dict"])\n'
            "model.eval()\n"
            f"logits = model(images)  # images: (n, {pixels}), pixels in [0, 1]{order}"
        )
