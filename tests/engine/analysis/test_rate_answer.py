"""The assessment of a run's learning rate, on real runs."""

import numpy as np
import pytest

from mnistop.engine.analysis.learning_rates import assess_rate
from mnistop.engine.events import RunFailed
from mnistop.engine.runs.history import History
from tests.helpers.coached import Coached, coached, event


def last(run: Coached) -> tuple[str, str, str]:
    found = assess_rate(run.history, run.config, run.predictions[-1])
    return found.verdict, found.sentence, found.accuracy


def test_a_run_that_works_is_told_by_its_coach_and_its_accuracy() -> None:
    run = coached()
    assert last(run) == ("works", run.last.sentence, "89.0% (83.9–92.6)")


def test_a_run_that_diverges_says_when_and_is_too_high() -> None:
    verdict, sentence, _ = last(coached(hidden=(256, 128), lr=3.16))
    assert verdict == "too high"
    assert sentence.startswith("Diverged in epoch 1: ")


@pytest.mark.slow
def test_how_far_the_loss_had_risen_is_told_with_its_epoch() -> None:
    run = coached(lr=3.0)
    verdict, sentence, accuracy = last(run)
    losses = [epoch.train_loss for epoch in run.history.epochs]
    assert verdict == "too high"
    assert sentence.startswith(f"Training loss exploded to {max(losses):.2f} in epoch 0 ")
    assert "risen" not in sentence
    assert accuracy == "12.0% (8.2–17.2)"


def test_how_far_the_loss_of_a_run_that_learns_had_risen_is_told_too() -> None:
    run = coached(hidden=(), lr=3.0, epochs=20)
    verdict, sentence, _ = last(run)
    losses = [epoch.train_loss for epoch in run.history.epochs]
    assert verdict == "works"
    assert sentence.endswith(f" It had risen to {max(losses):.2f} in epoch {np.argmax(losses)}.")


@pytest.mark.slow
def test_a_slow_run_that_the_noise_of_dropout_and_shifts_hides_is_too_low() -> None:
    verdict, _, accuracy = last(coached(dropout=0.3, shift=2, lr=0.0004, epochs=30))
    assert verdict == "too low"
    assert float(accuracy.partition("%")[0]) < 50


def test_nothing_is_decided_before_the_curves_say_anything() -> None:
    run = coached()
    assert assess_rate(History(), run.config, None).verdict == ""
    begun = History(started=run.history.started, epochs=run.history.epochs[:2])
    found = assess_rate(begun, run.config, None)
    assert found.verdict == ""
    assert found.accuracy


def test_a_run_that_failed_otherwise_says_why() -> None:
    failed = event(RunFailed, message="The disk is full.", diverged=False)
    assert (
        assess_rate(History(ended=failed), coached().config, None).sentence == "The disk is full."
    )
