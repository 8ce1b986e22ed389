"""The coach's advice on real runs, trained here and now, after each of their epochs."""

import dataclasses
import functools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

from mnistop.engine import events
from mnistop.engine.analysis.coach import Advice, advise
from mnistop.engine.config import RunConfig
from mnistop.engine.events import Event
from mnistop.engine.runs.history import History, reduce
from mnistop.engine.runs.predictions import EpochPredictions
from mnistop.engine.training.loop import DivergedError, train
from mnistop.engine.training.state import Epoch, Labelled, TrainState, evaluate
from tests.helpers.small_runs import prepared

NAME = "20260101-120000-quiet-otter"


def event(kind: type[Event], **values: Any) -> Any:
    return kind(run=NAME, time=0.0, **values)


@dataclass
class Coached:
    """A run, and what the coach said: `after[k]` with k epochs finished, `last` at its end.

    What its model says after k epochs is `predictions[k]`.
    """

    config: RunConfig
    history: History = field(default_factory=History)
    predictions: list[EpochPredictions] = field(default_factory=list)
    after: list[Advice] = field(default_factory=list)

    @property
    def last(self) -> Advice:
        return self.after[-1]

    @property
    def kinds(self) -> list[str]:
        return [advice.kind for advice in self.after]

    def hear(self, said: Event) -> None:
        self.history = reduce(self.history, [said])

    def ask(self) -> None:
        self.after.append(advise(self.history, self.config, self.predictions[-1]))


class Listener:
    """The sink and the control of a training that keeps a history as a run folder does."""

    def __init__(self, coached: Coached, validation: Labelled) -> None:
        self._coached = coached
        self._labels = validation.labels.numpy()

    def judged(self, epochs: int, said: Tensor) -> None:
        table = said.numpy().astype(np.float16).astype(np.float32)
        predictions = said.argmax(1).numpy()
        self._coached.predictions.append(EpochPredictions(epochs, self._labels, predictions, table))

    def step_done(self, training: TrainState, labels: Tensor) -> None:
        pass

    def epoch_done(self, training: TrainState, epoch: Epoch) -> None:
        self.judged(training.epoch, epoch.log_probabilities)
        values = {
            each.name: getattr(epoch, each.name)
            for each in dataclasses.fields(epoch)
            if each.name not in ("log_probabilities", "predictions")
        }
        self._coached.hear(event(events.EpochFinished, epoch=training.epoch - 1, **values))
        self._coached.ask()

    def wait_while_paused(self) -> float:
        return 0.0

    def wants_stop(self) -> bool:
        return False


@functools.cache
def _coached(config: RunConfig) -> Coached:
    coached = Coached(config)
    training, images, validation = prepared(config)
    listener = Listener(coached, validation)
    said, val_loss, _ = evaluate(training.model, validation)
    listener.judged(0, said)
    coached.hear(
        event(
            events.RunStarted,
            pid=1,
            class_names=[str(index) for index in range(training.model.sizes[-1])],
            image_shape=list(training.image_shape),
            training_images=len(images),
            validation_images=len(validation),
            layers=list(training.model.sizes),
            parameters=1,
            device="cpu",
            versions={},
            val_loss=val_loss,
            val_acc=0.1,
        )
    )
    coached.ask()
    try:
        train(training, images, validation, listener, listener)
    except DivergedError as error:
        coached.hear(event(events.RunFailed, message=str(error), diverged=True))
    else:
        reason = "early stopping" if training.stopped_early() else "all epochs"
        coached.hear(event(events.RunFinished, epochs=training.epoch, reason=reason))
    coached.ask()
    return coached


def coached(**values: Any) -> Coached:
    """The notebook's run with some other hyperparameters, trained once for all tests."""
    return _coached(RunConfig(**({"device": "cpu"} | values)))
