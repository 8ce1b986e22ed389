"""How training ends and what it keeps: early stopping, the best epoch, divergence, a stop."""

import pytest
from torch import Tensor

from mnistop.engine.training.loop import DivergedError, train
from mnistop.engine.training.state import TrainState
from tests.helpers.small_runs import (
    Listener,
    QuietListener,
    digits_config,
    prepared,
    trained,
)


@pytest.mark.parametrize("patience", [1, 4])
def test_early_stopping_waits_its_patience_and_no_longer(patience: int) -> None:
    config = digits_config(early_stopping=patience, epochs=500, lr=1.0)
    training, epochs = trained(config)
    losses = [epoch.val_loss for epoch in epochs]
    assert len(losses) < 500
    assert losses.index(min(losses)) == len(losses) - 1 - patience
    assert training.stopped_early()


def test_without_early_stopping_all_epochs_are_trained() -> None:
    training, epochs = trained(digits_config(epochs=40, lr=1.0))
    assert len(epochs) == 40
    assert not training.stopped_early()


def test_the_best_epoch_has_the_highest_accuracy_and_of_equals_the_lowest_loss() -> None:
    training, epochs = trained(digits_config(epochs=30, lr=0.5))
    best = max(epochs, key=lambda epoch: (epoch.val_acc, -epoch.val_loss))
    assert training.best_epochs == epochs.index(best) + 1


def test_a_diverging_run_says_in_which_step_it_broke() -> None:
    class FirstBroken(QuietListener):
        where = (0, 0)

        def step_done(self, training: TrainState, labels: Tensor) -> None:
            if self.where == (0, 0) and not training.logits[-1].isfinite().all():
                self.where = training.epoch, training.step

    training, *images = prepared(digits_config(hidden=(64, 64, 64), lr=1000.0))
    listener = FirstBroken()
    with pytest.raises(DivergedError) as caught:
        train(training, *images, listener, listener)
    epoch, step = listener.where
    assert step > 0
    assert f"epoch {epoch}, step {step} of 10," in str(caught.value)
    assert "learning rate 1000." in str(caught.value)


def test_a_run_that_breaks_in_the_last_update_of_an_epoch_says_so() -> None:
    """Weight decay multiplies the weights by -99,999 in each update: the 8th passes 10³⁸."""
    values = {"hidden": (), "lr": 1000.0, "weight_decay": 100.0, "samples": 320, "epochs": 1}
    training, *images = prepared(digits_config(**values))
    listener = QuietListener()
    with pytest.raises(DivergedError, match=r"epoch 0, step 8 of 8,"):
        train(training, *images, listener, listener)


def test_a_stop_comes_after_the_present_step() -> None:
    training, *images = prepared(digits_config())
    listener = Listener(stop_after=14)
    train(training, *images, listener, listener)
    assert (training.epoch, training.step) == (1, 4)
    assert len(listener.epochs) == 1
