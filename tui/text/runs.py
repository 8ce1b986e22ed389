"""Numbers of a run in words, and the lines that several commands print."""

from __future__ import annotations

from collections.abc import Mapping

from mnistop.engine.events import EpochFinished
from mnistop.engine.formatting import (
    accuracy,
    count,
    duration,
    is_milestone,
    loss,
    on_device,
    percent,
    size,
)
from mnistop.engine.runs.history import best_of, flattering, unseen_accuracy

__all__ = [
    "EPOCH_HEADER",
    "accuracy",
    "best_of",
    "count",
    "duration",
    "epoch_row",
    "flattering",
    "is_milestone",
    "loss",
    "on_device",
    "percent",
    "size",
    "unseen_accuracy",
    "what_next",
]


def what_next(commands: Mapping[str, str]) -> str:
    """Lines of commands, each after what it does.

    Args:
        commands: purposes by command.
    """
    width = max(map(len, commands.values()), default=0)
    return "\n".join(f"{purpose:<{width}}  {command}" for command, purpose in commands.items())


EPOCH_HEADER = "epoch  train loss  val loss  train acc  val acc"


def epoch_row(epoch: EpochFinished) -> str:
    """A line of the epoch table, under `EPOCH_HEADER`."""
    return (
        f"{epoch.epoch:>5}  {loss(epoch.train_loss):>10}  {loss(epoch.val_loss):>8}  "
        f"{percent(epoch.train_acc):>9}  {percent(epoch.val_acc):>7}"
    )
