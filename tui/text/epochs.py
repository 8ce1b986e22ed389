"""The names of moments of a run, the same on all screens: `epoch 5` is the model after epoch 5."""

from __future__ import annotations

from mnistop.tui.session.state import State

UNTRAINED = "untrained"
"""The model before its first epoch."""


def epoch_name(epoch: int) -> str:
    """Return the name of an epoch, as in `epoch 5`; -1 is the untrained model.

    Args:
        epoch: from 0, as the log counts.
    """
    return f"epoch {epoch}" if epoch >= 0 else UNTRAINED


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
