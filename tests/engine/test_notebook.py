"""The default run is the course notebook's: its published log comes out again.

The notebook's losses are plain means over batches, the program's are means over images. Training
has 25 equal batches, so both are the same; validation's last batch holds 8 of 200 images.
"""

import functools
import math
import statistics

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from mnistop.engine.config import RunConfig
from mnistop.engine.training.loop import train
from mnistop.engine.training.state import Epoch, Labelled, TrainState, evaluate
from tests.helpers.selection import one_in
from tests.helpers.small_runs import QuietListener, prepared

SEEDS = (0, 1, 2, 3)

PUBLISHED = {
    0: (2.039, 1.650, 0.445, 0.610),
    10: (0.234, 0.491, 0.944, 0.864),
    50: (0.020, 0.616, 1.000, 0.890),
    99: (0.007, 0.690, 1.000, 0.894),
}
"""Training loss, validation loss, training accuracy, validation accuracy: of epochs 10 and 99 the
means of 21 runs of the notebook, of the others its published log, which is one run."""

SPREAD = {
    0: (0.025, 0.045, 0.025, 0.050),
    10: (0.004, 0.023, 0.004, 0.010),
    50: (0.0004, 0.012, 0.001, 0.007),
    99: (0.0003, 0.012, 0.001, 0.006),
}
"""Standard deviations over runs of different seeds, and what the log's rounding adds."""


def mean_over_batches(training: TrainState, images: Labelled) -> float:
    """The notebook's loss: the plain mean of the batches' means."""
    with torch.no_grad():
        losses = [
            functional.cross_entropy(training.model(pixels), labels).item()
            for pixels, labels in zip(images.pixels.split(32), images.labels.split(32), strict=True)
        ]
    return statistics.fmean(losses)


class Notebook(QuietListener):
    """A collector, for each epoch, of the program's numbers and the notebook's validation loss."""

    def __init__(self, validation: Labelled) -> None:
        super().__init__()
        self.rows: list[tuple[float, float, float, float]] = []
        self._validation = validation

    def epoch_done(self, training: TrainState, epoch: Epoch) -> None:
        super().epoch_done(training, epoch)
        val_loss = mean_over_batches(training, self._validation)
        self.rows.append((epoch.train_loss, val_loss, epoch.train_acc, epoch.val_acc))


@functools.cache
def default_run(seed: int) -> Notebook:
    training, images, validation = prepared(RunConfig(seed=seed, device="cpu"))
    listener = Notebook(validation)
    train(training, images, validation, listener, listener)
    return listener


@pytest.mark.parametrize("seed", one_in(len(SEEDS), SEEDS))
def test_every_run_keeps_to_the_published_log(seed: int) -> None:
    rows = default_run(seed).rows
    assert len(rows) == 100
    for epoch, published in PUBLISHED.items():
        for value, expected, spread in zip(rows[epoch], published, SPREAD[epoch], strict=True):
            assert value == pytest.approx(expected, abs=4 * spread), f"epoch {epoch}"


@pytest.mark.parametrize("seed", one_in(len(SEEDS), SEEDS))
def test_validation_loss_is_lowest_near_epoch_10_and_rises_while_accuracy_holds(seed: int) -> None:
    rows = default_run(seed).rows
    losses = [row[1] for row in rows]
    lowest = losses.index(min(losses))
    assert 6 <= lowest <= 20
    assert losses[lowest] < losses[30] < losses[50] < losses[99]
    assert losses[99] > 1.3 * losses[lowest]
    assert rows[99][3] >= rows[lowest][3] - 0.01


@pytest.mark.slow
def test_the_mean_of_the_runs_is_that_of_the_notebook() -> None:
    for epoch, published in PUBLISHED.items():
        runs = [default_run(seed).rows[epoch] for seed in SEEDS]
        for values, expected, spread in zip(
            zip(*runs, strict=True), published, SPREAD[epoch], strict=True
        ):
            assert statistics.fmean(values) == pytest.approx(expected, abs=2 * spread)


def test_the_notebooks_validation_loss_stands_some_10_percent_under_the_mean_over_images() -> None:
    listener = default_run(0)
    for epoch in (10, 50, 99):
        ratio = listener.rows[epoch][1] / listener.epochs[epoch].val_loss
        assert 0.87 < ratio < 0.93


class BatchMeans(QuietListener):
    """A collector of the mean loss of each training batch."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []

    def step_done(self, training: TrainState, labels: Tensor) -> None:
        size = training.config.batch_size
        batch = training.order[(training.step - 1) * size : training.step * size]
        loss = functional.cross_entropy(training.logits[-1], labels[batch])
        self.losses.append(loss.item())


def test_the_training_loss_is_the_notebooks_mean_over_its_25_batches() -> None:
    training, images, validation = prepared(RunConfig(epochs=2, device="cpu"))
    listener = BatchMeans()
    train(training, images, validation, listener, listener)
    assert len(listener.losses) == 50
    for epoch, losses in zip(
        listener.epochs, (listener.losses[:25], listener.losses[25:]), strict=True
    ):
        assert epoch.train_loss == pytest.approx(statistics.fmean(losses), rel=1e-5)


@pytest.mark.parametrize("seed", one_in(len(SEEDS), SEEDS))
def test_the_untrained_model_loses_the_logarithm_of_10(seed: int) -> None:
    training, _, validation = prepared(RunConfig(seed=seed, device="cpu"))
    _, loss, _ = evaluate(training.model, validation)
    assert loss == pytest.approx(math.log(10), abs=0.05)
