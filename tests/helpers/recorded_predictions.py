"""Made-up runs whose probabilities and images are there too, for looking through mistakes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistop.engine import events
from mnistop.engine.config import RunConfig
from mnistop.engine.runs.run_folder import Run
from tests.helpers import made_up


def predictions(epochs: int, classes: int = 10) -> NDArray[np.uint8]:
    """Predictions as `made_up.predictions`; class 0 is taken for 1, class 1 for 2, and so on."""
    return made_up.predictions(epochs, classes)


def log_probabilities(said: NDArray[np.uint8], classes: int) -> NDArray[np.float16]:
    """Image `i` has its predicted class with a probability of (50 + i % 50)%, the one before it
    in the circle of classes with nearly all the rest.
    """
    epochs, images = said.shape
    sure = (50 + np.arange(images) % 50) / 100
    probabilities = np.full((epochs, images, classes), 1e-4)
    rows, columns = np.indices(said.shape)
    probabilities[rows, columns, (said.astype(int) - 1) % classes] = 1 - sure - 1e-3
    probabilities[rows, columns, said] = sure
    return np.log(probabilities).astype(np.float16)


def images(count: int) -> NDArray[np.uint8]:
    """Image `i` has a bar in row 4 and another in a row that depends on `i`."""
    made = np.zeros((count, 28, 28), np.uint8)
    made[:, 4, 6:22] = 255
    made[np.arange(count), 8 + np.arange(count) % 16, 6:22] = 255
    return made


def record(run: Run, said: NDArray[np.uint8], classes: int = 10) -> None:
    """Write a model's predictions after some numbers of epochs, `(epochs + 1, n)`."""
    said.tofile(run.path / "predictions.u8")
    log_probabilities(said, classes).tofile(run.path / "log_probabilities.f16")
    images(said.shape[1]).tofile(run.path / "images.u8")


def write_run(
    folder: Path,
    told: Sequence[events.Event],
    said: NDArray[np.uint8] | None = None,
    classes: int = 10,
) -> Run:
    """Write a run folder with everything that is recorded of the validation images."""
    run = made_up.write_run(folder, told, RunConfig(), classes=classes)
    epochs = sum(isinstance(event, events.EpochFinished) for event in told)
    record(run, predictions(epochs, classes) if said is None else said, classes)
    return run
