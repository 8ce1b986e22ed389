"""The names of moments of a run, the same on all screens: `epoch 5` is the model after epoch 5."""

from __future__ import annotations

UNTRAINED = "untrained"
"""The model before its first epoch."""


def epoch_name(epoch: int) -> str:
    """Return the name of an epoch, as in `epoch 5`; -1 is the untrained model.

    Args:
        epoch: from 0, as the log counts.
    """
    return f"epoch {epoch}" if epoch >= 0 else UNTRAINED
