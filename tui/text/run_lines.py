"""A run in words: its epochs, its end, the commands that come next, and the table of all runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mnistop.engine import events
from mnistop.engine.cores import usable_cores
from mnistop.engine.formatting import accuracy, count, duration, epochs_of
from mnistop.engine.runs.entry import RunEntry
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.history import History, best_of, reduce, unseen_accuracy
from mnistop.engine.runs.lookup import typed
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.sweep_folder import Sweep


def closing_lines(run: Run, history: History, epochs: int) -> list[str]:
    """Return the lines that stay in the scrollback: the end, the accuracy, and the next commands.

    Args:
        run: the run.
        history: its complete history.
        epochs: the planned number of epochs.
    """
    state = history.state(running=False)
    took = duration(history.seconds)
    lines = [""]
    trained = count(len(history.epochs), "epoch")
    of_planned = epochs_of(len(history.epochs), epochs)
    match history.ended:
        case events.RunFinished(message=message) if message:
            lines.append(f"run {run.name} was not trained further: still {trained}")
        case events.RunFinished(reason="early stopping"):
            lines.append(f"run {run.name} finished early: {of_planned} in {took}")
        case events.RunFinished():
            lines.append(f"run {run.name} finished: {trained} in {took}")
        case events.RunStopped(message=message) if message:
            lines.append(f"run {run.name} was not resumed: still {of_planned}")
        case events.RunStopped():
            lines.append(f"run {run.name} stopped and saved after {of_planned}")
        case _ if run.is_gone():
            return [*lines, f"run {run.name}: its folder {run.path} is gone"]
        case _:
            lines.append(f"run {run.name} {state} after {of_planned}")
    if tested := unseen_accuracy(history):
        lines.append(f"test: accuracy {tested}, 95% interval")
    if best := best_of(history):
        lines.append(f"best: {best}")
    commands = control_commands(run, state)
    if history.epochs:
        name = typed(run)
        commands[f"mnistop show {name}"] = "see its log, charts and mistakes"
        commands[f"mnistop --run {name}"] = "open it in the app"
    return [*lines, "", command_hints(commands)] if commands else lines


def failure_sentence(run: Run, history: History) -> str:
    """Return why a run failed, was interrupted or not resumed; empty for the others."""
    match history.state(running=False):
        case "failed" | "stopped" | "finished":
            return getattr(history.ended, "message", "")
        case "interrupted" if history.vanished:
            return (
                f"The folder {run.path} is gone, with everything that run {run.name} had saved: "
                "it was deleted or moved."
            )
        case "interrupted":
            return (
                f"The training process of run {run.name} ended without a message: it was "
                "killed, perhaps because memory ran out, or the machine went down. "
                f"{_saved(run, history)}"
            )
    return ""


def _saved(run: Run, history: History) -> str:
    if run.is_recorded():
        return f"What it recorded is there; mnistop.init(resume={run.name!r}) continues it."
    if not history.checkpoints:
        return f"It had no checkpoint yet: mnistop resume {typed(run)} restarts it."
    return (
        f"Its log and its weights after {count(history.checkpoints[-1], 'epoch')} are saved: "
        f"mnistop resume {typed(run)} continues from there."
    )


def control_commands(found: Run | Sweep, state: str) -> dict[str, str]:
    """Return the commands to watch, stop or resume a run or a sweep, with their purposes."""
    name = typed(found)
    if state in ("starting", "running", "paused"):
        stop = {f"mnistop stop {name}": "stop and save it"} if found.is_ours else {}
        return {f"mnistop follow {name}": "watch it"} | stop
    is_recorded = isinstance(found, Run) and found.is_recorded()
    if state in ("stopped", "interrupted") and found.is_ours and not is_recorded:
        return {f"mnistop resume {name}": "resume it"}
    return {}


def farewell(run: Run, epochs: int) -> str:
    """Describe the state of the run shown last, its accuracy, and the commands to return to it.

    Args:
        run: the run.
        epochs: the planned number of epochs.
    """
    history = reduce(History(), read_events(run))
    if history.ended or not run.is_running():
        return "\n".join(closing_lines(run, history, epochs))
    state = "is paused" if history.paused else "is still training"
    lines = ["", f"run {run.name} {state}: {epochs_of(len(history.epochs), epochs)} so far"]
    if best := best_of(history):
        lines.append(f"best: {best}")
    commands = {f"mnistop --run {typed(run)}": "open it in the app"}
    commands |= control_commands(run, "running")
    return "\n".join([*lines, "", command_hints(commands)])


def suspension(found: Run | Sweep) -> str:
    """Return the sentence on a run or a sweep whose process is suspended."""
    resumes = f": mnistop resume {typed(found)} continues it" if found.is_ours else ""
    return f"{found.full_name} is suspended (SIGSTOP){resumes}."


UNTRAINED = "untrained"
"""The name of the model before its first epoch."""


def epoch_name(epoch: int) -> str:
    """Return the name of an epoch, as in `epoch 5`; -1 is the untrained model.

    Args:
        epoch: from 0, as the log counts.
    """
    return f"epoch {epoch}" if epoch >= 0 else UNTRAINED


def command_hints(commands: Mapping[str, str]) -> str:
    """Return a line for each command, after its purpose.

    Args:
        commands: the purposes by command.
    """
    width = max(map(len, commands.values()), default=0)
    return "\n".join(f"{purpose:<{width}}  {command}" for command, purpose in commands.items())


def overload_warning(runs: Sequence[RunEntry]) -> str:
    """Return a warning if more runs train here than there are cores; else empty."""
    cores = usable_cores()
    busy = [run for run in runs if run.state in ("starting", "running")]
    training = sum(run.is_here() for run in busy) if len(busy) > cores else 0
    if training <= cores:
        return ""
    return (
        f"{training} runs are training on {count(cores, 'core')}, which slows them all down: "
        "mnistop stop makes room, mnistop resume continues later."
    )


_RECENT = 8
"""Epochs by which the speed is estimated."""


def progress_numbers(history: History, planned: int) -> dict[str, str]:
    """Return what is shown of a run in training: `epoch percent rate left val`, as far as known.

    Args:
        history: the run has started.
        planned: its planned number of epochs; 0 if unknown, as for a script's own loop.
    """
    started, recent = history.started, history.epochs[-_RECENT:]
    assert started
    if len(history.epochs) > planned:  # a recorded loop may go beyond its plan
        planned = 0
    images, share = started.training_images or 0, share_done(history, planned)
    seconds = sum(epoch.seconds for epoch in recent) / max(1, len(recent))
    rate = images / max(seconds, 1e-9) if recent else 0.0
    if not recent and history.progress and (rate := history.progress.images_per_second):
        seconds = images / rate
    epoch = f"epoch {len(history.epochs):,}" + (f" of {planned:,}" if planned else "")
    is_unknown = not (planned or recent or history.preparing)
    left = f"{duration(planned * (1 - share) * seconds)} left" if planned and seconds else ""
    reached = recent[-1].val_acc if recent else None
    numbers = {
        "epoch": "recording metrics" if is_unknown else epoch,
        "percent": f"{share:.0%}" if planned else "",
        "rate": f"{_rate(rate)} images/s" if rate and not history.paused else "",
        "left": "paused" if history.paused else left,
        "val": f"val {accuracy(reached, started.validation_images)}" if recent else "",
    }
    return {name: text for name, text in numbers.items() if text}


def _rate(rate: float) -> str:
    return f"{rate / 1000:.0f}k" if rate >= 10_000 else f"{rate:.0f}"


def share_done(history: History, planned: int) -> float:
    """Return the share of the planned epochs that is done, in [0, 1]."""
    done = float(len(history.epochs))
    part = history.progress
    if part and part.epoch == len(history.epochs):
        done += part.step / part.steps
    return min(1.0, done / max(1, planned))
