"""The state of the screens: a run's history, and the shown epoch."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mnistop.engine import events
from mnistop.engine.runs import history
from mnistop.engine.runs.history import History
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.text.run_lines import epoch_name


@dataclass(frozen=True)
class State:
    """The shown run and epoch."""

    run: Run | None = None
    """The run, or None before the first."""
    epochs_planned: int = 0
    """Epochs that the run is to have; 0 where a recorded run does not say."""
    history: History = dataclasses.field(default_factory=History)
    alive: bool = False
    """True while the training process lives, as far as its events say."""
    cursor: int | None = None
    """The chosen epoch, -1 for the untrained model, or None for the newest."""
    replay: Literal["", "playing", "paused"] = ""
    """Whether the cursor moves through the epochs by itself; empty if there is no replay."""

    @property
    def phase(self) -> str:
        """`idle`, or the state of the run."""
        return self.history.state(self.alive) if self.run else "idle"

    @property
    def hint(self) -> str:
        """The condition under which an empty pane fills, as in `press r to train`."""
        match self.phase:
            case "idle":
                return "press r to train"
            case "starting":
                return "once training runs"
            case "running" | "paused":
                return "after epoch 0"
        return "the run has none"

    @property
    def no_model(self) -> str:
        """A sentence on why a recorded run's model cannot be asked; empty where it can."""
        return self.history.no_model(self.alive)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes; none while they are not known."""
        started = self.history.started
        return tuple(started.class_names) if started else ()

    @property
    def shown_epoch(self) -> int:
        """The epoch that the panes show; -1 for the untrained model."""
        newest = self.newest_epoch
        return newest if self.cursor is None else min(self.cursor, newest)

    @property
    def newest_epoch(self) -> int:
        """The last finished epoch; -1 before there is one."""
        return len(self.history.epochs) - 1

    @property
    def first_epoch(self) -> int:
        """The first epoch to show: -1, or 0 if the untrained model was not evaluated."""
        started = self.history.started
        return 0 if started and started.val_loss is None else -1

    @property
    def shown(self) -> events.EpochFinished | None:
        """The results of the shown epoch."""
        epoch = self.shown_epoch
        return self.history.epochs[epoch] if epoch >= 0 else None

    @property
    def weights_wanted(self) -> int | None:
        """After how many epochs weights are to be those of the shown epoch; None for the newest."""
        epochs = self.shown_epoch + 1
        return None if epochs == len(self.history.epochs) else epochs

    @property
    def weights_age(self) -> events.CheckpointSaved | None:
        """A value that changes when `weights_wanted` refers to other weights."""
        return self.saved if self.weights_wanted is None else None

    @property
    def saved(self) -> events.CheckpointSaved | None:
        """The event that saved the newest weights; None while there are none.

        They are those of the checkpoint, and before the first of any that are kept.
        """
        saved = self.history.saved
        checkpoints = (event for event in reversed(saved) if event.file == "checkpoint.pt")
        return next(checkpoints, saved[-1] if saved else None)

    def moved(self, by: int) -> State:
        """The state with the cursor moved by some epochs, within those that there are.

        A replay pauses there.
        """
        if not self.history.epochs:
            return self
        epoch = max(self.first_epoch, min(self.newest_epoch, self.shown_epoch + by))
        replay: Literal["", "paused"] = "paused" if self.replay else ""
        return dataclasses.replace(self, cursor=epoch, replay=replay)

    def live(self) -> State:
        """The state without a cursor or replay: the newest epoch is shown as it comes."""
        return dataclasses.replace(self, cursor=None, replay="")


def reduce(state: State, new: Sequence[events.Event]) -> State:
    """The state after some more events of its run; those of other runs change nothing."""
    if state.run is None:
        return state
    own = [event for event in new if event.run == state.run.name]
    if not own:
        return state
    alive = not isinstance(own[-1], events.LAST_EVENTS)
    lengths = [
        event.epochs
        for event in own
        if isinstance(event, (events.RunResumed, events.EpochsPlanned))
    ]
    return dataclasses.replace(
        state,
        history=history.reduce(state.history, own),
        alive=alive,
        epochs_planned=next(filter(None, reversed(lengths)), state.epochs_planned),
    )


def weights_name(epochs: int, state: State, waiting: bool = False) -> str:
    """Return the epoch of the weights that are shown, and why it is not the shown one if it is not.

    Weights are kept of some epochs only, and the newest are a little older than the newest epoch
    while training goes on: `weights of epoch 31, last kept before epoch 37`.

    Args:
        epochs: the finished epochs that the weights have been trained for.
        state: the run and the shown epoch.
        waiting: whether those of the shown epoch are still to come.
    """
    name = epoch_name(epochs - 1)
    if waiting or epochs - 1 == state.shown_epoch:
        return name
    if state.weights_wanted is None:
        return f"weights of {name}, newest kept"
    return f"weights of {name}, last kept before {epoch_name(state.shown_epoch)}"
