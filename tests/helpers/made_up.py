"""Made-up runs: their events, and run folders that no training process has written."""

import fcntl
import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistop.engine import events
from mnistop.engine.analysis.fragility import AttackedImage
from mnistop.engine.config import RunConfig
from mnistop.engine.runs.run_folder import FORMAT, Run

DIGITS = tuple("0123456789")
VALIDATION = 200
NAME = "20260101-120000-quiet-otter"


def started(run: str = NAME, names: Sequence[str] = DIGITS) -> events.RunStarted:
    return events.RunStarted(
        run=run,
        time=0.0,
        pid=1,
        class_names=list(names),
        image_shape=[28, 28],
        training_images=800,
        validation_images=VALIDATION,
        layers=[784, 128, len(names)],
        parameters=101_770,
        device="cpu",
        versions={"torch": "2.13.0"},
        val_loss=math.log(len(names)),
        val_acc=0.1,
    )


def epoch(number: int, run: str = NAME, val_acc: float | None = None) -> events.EpochFinished:
    """An epoch of a run whose validation accuracy rises up to epoch 20 and then falls a little."""
    rising = 0.9 - 0.5 / (1 + number) - 0.002 * min(max(0, number - 20), 100)
    return events.EpochFinished(
        run=run,
        time=float(number),
        epoch=number,
        train_loss=2.0 / (1 + number),
        val_loss=0.5 + 1 / (1 + number),
        train_acc=1 - 0.6 / (1 + number),
        val_acc=rising if val_acc is None else val_acc,
        lr=0.1,
        seconds=0.01,
    )


def saved(epochs: int, run: str = NAME) -> events.CheckpointSaved:
    return events.CheckpointSaved(run=run, time=0.0, file="checkpoint.pt", epochs=epochs)


def unseen_results(run: str = NAME, best_acc: float | None = 0.878) -> events.RunTested:
    loss = None if best_acc is None else 0.5
    return events.RunTested(
        run=run, time=0.0, images=3502, acc=0.877, loss=0.6, best_acc=best_acc, best_loss=loss
    )


def finished(epochs: int, run: str = NAME, reason: str = "all epochs") -> events.RunFinished:
    return events.RunFinished(run=run, time=0.0, epochs=epochs, reason=reason)


def stopped(epochs: int, run: str = NAME) -> events.RunStopped:
    return events.RunStopped(run=run, time=0.0, epochs=epochs, step=0)


def failed(message: str, run: str = NAME, diverged: bool = False) -> events.RunFailed:
    return events.RunFailed(run=run, time=0.0, message=message, diverged=diverged)


def interrupted(run: str = NAME) -> events.RunInterrupted:
    return events.RunInterrupted(run=run, time=0.0)


def progress(epochs: int, step: int, run: str = NAME) -> events.BatchProgress:
    return events.BatchProgress(
        run=run,
        time=0.0,
        epoch=epochs,
        step=step,
        steps=25,
        train_loss=1.0,
        images_per_second=12_345.0,
    )


def story(epochs: int, run: str = NAME, names: Sequence[str] = DIGITS) -> list[events.Event]:
    """Return a run's events from its start to the end of a number of epochs."""
    told = [epoch(number, run) for number in range(epochs)]
    return [started(run, names), saved(0, run), *told, saved(epochs, run)]


def labels(classes: int = 10) -> NDArray[np.uint8]:
    """The true classes of the validation images."""
    return (np.arange(VALIDATION) % classes).astype(np.uint8)


def predictions(epochs: int, classes: int = 10) -> NDArray[np.uint8]:
    """Predictions, a row for each number of epochs: after `k` of them, image `i` is right for the
    first time when `k > i % 7`, but every ninth image never is.
    """
    true = labels(classes).astype(np.int64)
    images = np.arange(VALIDATION)
    rows = [
        np.where((k > images % 7) & (images % 9 != 4), true, (true + 1) % classes)
        for k in range(epochs + 1)
    ]
    return np.array(rows).astype(np.uint8)


def right_after(epochs: int) -> list[int]:
    """The images that are predicted rightly after a number of epochs."""
    return np.flatnonzero(predictions(epochs)[-1] == labels()).tolist()


def write_run(
    folder: Path,
    said: Sequence[events.Event] = (),
    config: RunConfig | None = None,
    name: str = NAME,
    classes: int = 10,
) -> Run:
    """Write a run folder as a training process does, with the predictions."""
    run = Run(folder / name)
    run.path.mkdir(parents=True)
    manifest = {"format": FORMAT, "config": dict(config or RunConfig())}
    (run.path / "config.json").write_text(json.dumps(manifest))
    (run.path / "lock").write_text("")
    labels(classes).tofile(run.path / "labels.u8")
    count = sum(isinstance(event, events.EpochFinished) for event in said)
    predictions(count, classes).tofile(run.path / "predictions.u8")
    say(run, said)
    return run


def say(run: Run, said: Sequence[events.Event]) -> None:
    """Appends to what a run has said."""
    with open(run.path / "events.jsonl", "a") as file:
        file.writelines(event.to_json() + "\n" for event in said)


@contextmanager
def training(run: Run) -> Iterator[None]:
    """Make a run look as if its training process were alive."""
    with open(run.path / "lock", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def answer(row: int, epsilon: float, epochs: int, classes: int = 10) -> AttackedImage:
    """An answer of the pool process: an 8 that becomes a 3."""
    image = np.zeros((28, 28), np.float32)
    image[6:22, 10:18] = 1
    adversarial = np.clip(image + epsilon * np.where(np.indices((28, 28)).sum(0) % 2, 1, -1), 0, 1)
    clean, after = np.full((2, classes), 0.01, np.float32)
    clean[row % classes] = after[(row + 3) % classes] = 0.91
    return AttackedImage(
        subject=row,
        label=row % classes,
        method="fgsm",
        epsilon=epsilon,
        target=None,
        epochs=epochs,
        image=image,
        adversarial=adversarial.astype(np.float32),
        clean_probabilities=clean,
        adversarial_probabilities=after,
    )
