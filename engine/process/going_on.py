"""Whether a run can go on, and with which hyperparameters."""

from dataclasses import replace

from mnistop.engine import events
from mnistop.engine.config import RunConfig
from mnistop.engine.errors import RunError
from mnistop.engine.runs import glance
from mnistop.engine.runs.checkpoint import newest_checkpoint
from mnistop.engine.runs.run_folder import Continuation, Run
from mnistop.engine.runs.sweep_folder import Sweep


def config_to_go_on(what: Continuation) -> tuple[RunConfig, str]:
    """The hyperparameters of a run that goes on, and what is to be said of them.

    Raises:
        MnistopError: it cannot go on, or cannot have so many epochs.
    """
    run, config = what.run, glance.config_to_resume(what.run)
    ended = glance.ended(run)
    if what.epochs is None:
        if isinstance(ended, events.RunFinished):
            raise RunError(_nothing_left(run, ended))
        return config, ""
    longer = replace(config, epochs=what.epochs)
    _check_length(run, longer)
    if isinstance(ended, events.RunFinished):
        _check_end(run, config, ended)
    if longer.epochs == config.epochs or config.schedule == "constant":
        return longer, ""
    return longer, (
        f"From here on the learning rate is that of a {config.schedule} schedule over "
        f"{longer.epochs:,} epochs; before, it was of one over {config.epochs:,}."
    )


def _nothing_left(run: Run, ended: events.RunFinished) -> str:
    if ended.reason == "early stopping" or _sweep_of(run):
        return f"Run {run.name} is finished: there is nothing left to resume."
    return (
        f"Run {run.name} is finished: to train it on to N epochs in total, resume it with "
        "--epochs N."
    )


def _check_length(run: Run, longer: RunConfig) -> None:
    trained = glance.epochs_trained(run)
    if longer.epochs <= trained:
        raise RunError(
            f"Run {run.name} has {trained:,} epochs already: the number of epochs is that in "
            f"total, from {trained + 1:,} up."
        )
    if sweep := _sweep_of(run):
        raise RunError(
            f"Run {run.name} belongs to sweep {sweep.name}, which compares runs of the same "
            f"length: mnistop train --config {run.path / Run.MANIFEST} --epochs {longer.epochs} "
            "trains a longer one of its own."
        )


def _check_end(run: Run, config: RunConfig, ended: events.RunFinished) -> None:
    """Checks that more epochs change how a run ended, and that there is what they begin with."""
    if ended.reason == "early stopping":
        raise RunError(
            f"Run {run.name} was ended by early stopping after {ended.epochs:,} epochs, and would "
            "be at once with any number of them: train a new one with a larger early stopping "
            f"than {config.early_stopping:,}, or 0 for none."
        )
    if newest_checkpoint(run) is None:
        raise RunError(
            f"Run {run.name} cannot be trained on: it has lost its checkpoint.pt, which holds the "
            "weights after its last epoch."
        )


def _sweep_of(run: Run) -> Sweep | None:
    """The sweep that a run belongs to, if that is still there."""
    sweep = Sweep(run.path.with_name(run.sweep)) if run.sweep else None
    return sweep if sweep and sweep.is_there() else None
