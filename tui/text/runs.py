"""A run in words: its epochs, the lines that commands print, and what is left when it has ended."""

from __future__ import annotations

from collections.abc import Mapping

from mnistop.engine import events
from mnistop.engine.events import EpochFinished
from mnistop.engine.formatting import count, duration, loss, percent
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.history import History, best_of, reduce, unseen_accuracy
from mnistop.engine.runs.lookup import typed
from mnistop.engine.runs.run_folder import Run


def closing_words(run: Run, history: History, epochs: int) -> list[str]:
    """The lines that stay in the scrollback: how it ended, how good it is, and what is next.

    Args:
        run: the run.
        history: its history, complete.
        epochs: how many epochs it was to have.
    """
    state = history.state(running=False)
    trained = count(len(history.epochs), "epoch")
    took = duration(sum(epoch.seconds for epoch in history.epochs))
    lines = [""]
    match history.ended:
        case events.RunFinished(message=message) if message:
            lines.append(f"run {run.name} was not trained on: as before, {trained}")
        case events.RunFinished(reason="early stopping"):
            lines.append(f"run {run.name} finished early: {trained} of {epochs} in {took}")
        case events.RunFinished():
            lines.append(f"run {run.name} finished: {trained} in {took}")
        case events.RunStopped(message=message) if message:
            lines.append(f"run {run.name} was not resumed: as before, {trained} of {epochs}")
        case events.RunStopped():
            lines.append(f"run {run.name} stopped and saved after {trained} of {epochs}")
        case _ if run.is_gone():
            return [*lines, f"run {run.name}: its folder {run.path} is gone"]
        case _:
            lines.append(f"run {run.name} {state} after {trained} of {epochs}")
    if tested := unseen_accuracy(history):
        lines.append(f"test: accuracy {tested}, a 95% interval")
    if best := best_of(history):
        lines.append(f"best: {best}")
    commands = _next_commands(run, state, bool(history.epochs))
    return [*lines, "", what_next(commands)] if commands else lines


def complaint(run: Run, history: History) -> str:
    """The sentence on a run that failed, was interrupted or not resumed; empty for the others."""
    match history.state(running=False):
        case "failed" | "stopped" | "finished":
            return getattr(history.ended, "message", "")
        case "interrupted" if history.vanished:
            return (
                f"The folder {run.path} is gone, and with it all that run {run.name} had saved: "
                "somebody deleted or moved it."
            )
        case "interrupted":
            return (
                f"The training process of run {run.name} ended without a message: it was "
                "killed, for example because memory was full, or the machine went down. "
                f"{_what_is_safe(run, history)}"
            )
    return ""


def _what_is_safe(run: Run, history: History) -> str:
    if not history.checkpoints:
        return f"It had no checkpoint yet: mnistop resume {typed(run)} starts it again."
    return (
        f"Its log and its weights after {count(history.checkpoints[-1], 'epoch')} are safe: "
        f"mnistop resume {typed(run)} goes on from there."
    )


def _next_commands(run: Run, state: str, has_epochs: bool) -> dict[str, str]:
    commands = {}
    name = typed(run)
    if state in ("stopped", "interrupted") and run.is_ours:
        commands[f"mnistop resume {name}"] = "go on with it"
    if has_epochs:
        commands[f"mnistop show {name}"] = "see its log, charts and mistakes"
        commands[f"mnistop --run {name}"] = "open it in the app"
    return commands


def farewell(run: Run, epochs: int) -> str:
    """Describe the state of a run, how good it is, and how to come back to it.

    Args:
        run: the run that was shown last.
        epochs: how many epochs it is to have.
    """
    history = reduce(History(), read_events(run))
    if history.ended or not run.is_running():
        return "\n".join(closing_words(run, history, epochs))
    trained = count(len(history.epochs), "epoch")
    state = "is paused" if history.paused else "goes on training"
    best, name = best_of(history), typed(run)
    return "\n".join(
        [
            "",
            f"run {run.name} {state}: {trained} of {epochs:,} so far",
            *([f"best: {best}"] if best else []),
            "",
            what_next(
                {
                    f"mnistop --run {name}": "open it in the app",
                    f"mnistop follow {name}": "watch it here",
                    **({f"mnistop stop {name}": "stop it and save"} if run.is_ours else {}),
                }
            ),
        ]
    )


UNTRAINED = "untrained"
"""The model before its first epoch."""


def epoch_name(epoch: int) -> str:
    """Return the name of an epoch, as in `epoch 5`; -1 is the untrained model.

    Args:
        epoch: from 0, as the log counts.
    """
    return f"epoch {epoch}" if epoch >= 0 else UNTRAINED


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
