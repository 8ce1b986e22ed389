"""Class weights and the balanced sampler, on classes of uneven size."""

import functools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight
from torch.utils.data import WeightedRandomSampler

from mnistop.engine.data.sources import load, load_data
from mnistop.engine.training.class_balance import balanced_draw, balanced_weights
from mnistop.engine.training.examples import make_examples
from mnistop.engine.training.loop import Stepper, train
from mnistop.engine.training.state import Labelled, TrainState, evaluate
from tests.helpers.selection import one_in
from tests.helpers.small_runs import (
    CPU,
    BatchListener,
    Listener,
    QuietListener,
    digits_config,
    from_bytes,
    prepared,
    to_bytes,
    trained,
)

LABELS = st.lists(st.integers(0, 9), min_size=1, max_size=300)
RARE = torch.arange(5)
"""The classes of which one in ten images is kept."""


def counts_of(labels: torch.Tensor) -> torch.Tensor:
    return torch.bincount(labels, minlength=10)


@functools.cache
def uneven() -> tuple[Labelled, Labelled]:
    """Digits to train on, ten times as many of 5 to 9 as of 0 to 4; and as many of each to test."""
    dataset = load("digits")
    pixels = torch.from_numpy(dataset.images).flatten(1)
    labels = torch.from_numpy(dataset.labels)
    rows = [np.flatnonzero(dataset.labels == each) for each in range(10)]
    taken = np.concatenate([*(each[:10] for each in rows[:5]), *(each[:100] for each in rows[5:])])
    others = np.concatenate([each[100:] for each in rows])
    return Labelled(pixels[taken], labels[taken]), Labelled(pixels[others], labels[others])


def training_of(**values: Any) -> TrainState:
    images, _ = uneven()
    return TrainState(digits_config(**values), (8, 8), counts_of(images.labels).tolist(), CPU)


# The numbers are those of the libraries that people know.


@given(LABELS)
def test_the_weights_are_scikit_learns(labels: list[int]) -> None:
    weights = balanced_weights(counts_of(torch.tensor(labels))).numpy()
    present = np.unique(labels)
    expected = compute_class_weight("balanced", classes=present, y=labels)
    np.testing.assert_allclose(weights[present], expected, rtol=1e-6)
    assert weights.sum() == pytest.approx(expected.sum(), rel=1e-6)  # the others have none
    assert weights[labels].sum() == pytest.approx(len(labels), rel=1e-5)


@given(LABELS, st.integers(0, 2**32))
def test_the_draw_is_that_of_pytorchs_sampler(labels: list[int], seed: int) -> None:
    given_labels = torch.tensor(labels)
    counts = counts_of(given_labels)
    drawn = balanced_draw(given_labels, counts, torch.Generator().manual_seed(seed))
    weights = [1 / labels.count(label) for label in labels]
    generator = torch.Generator().manual_seed(seed)
    expected = WeightedRandomSampler(weights, len(labels), generator=generator)
    assert drawn.tolist() == list(expected)


# What they do to a training.


def test_each_epoch_draws_all_classes_about_equally_often_and_rare_images_repeatedly() -> None:
    images, validation = uneven()
    training, listener = training_of(sampler="balanced"), BatchListener()
    train(training, images, validation, listener, listener)
    epochs = [
        torch.cat([rows for number, rows in listener.batches if number == epoch])
        for epoch in range(3)
    ]
    for rows in epochs:
        assert len(rows) == len(images)
        drawn = counts_of(images.labels[rows])
        assert drawn.min() >= 35  # 55 of each are expected, with a standard deviation of 7
        assert drawn.max() <= 75
        assert len(rows.unique()) < len(images)
    assert not torch.equal(epochs[0], epochs[1])


@pytest.mark.parametrize(("optimizer", "lr"), [("manual", 0.05), ("adam", 0.003)])
def test_rare_classes_are_recognised_more_often(optimizer: str, lr: float) -> None:
    images, validation = uneven()
    rare = torch.isin(validation.labels, RARE)

    def recall(**values: Any) -> float:
        training = training_of(optimizer=optimizer, lr=lr, epochs=8, **values)
        listener = QuietListener()
        train(training, images, validation, listener, listener)
        right = listener.epochs[-1].predictions == validation.labels
        return right[rare].double().mean().item()

    plain = recall()
    assert recall(class_weights="balanced") > plain + 0.15
    assert recall(sampler="balanced") > plain + 0.15


def test_losses_and_accuracies_in_the_log_are_without_class_weights() -> None:
    images, validation = uneven()
    training = training_of(class_weights="balanced", epochs=1, batch_size=1000)
    listener = QuietListener()
    model = training.model.eval()
    expected = torch.nn.functional.cross_entropy(model(images.pixels), images.labels).item()
    train(training, images, validation, listener, listener)
    assert listener.epochs[0].train_loss == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "values",
    one_in(
        2,
        [
            {"class_weights": "balanced", "sampler": "balanced", "adversarial_epsilon": 0.1},
            {"class_weights": "balanced", "optimizer": "adam", "lr": 0.003},
        ],
    ),
)
def test_a_training_goes_on_from_any_step_to_the_same_bits(values: dict[str, Any]) -> None:
    images, validation = uneven()
    whole = training_of(**values)
    listener = Listener()
    train(whole, images, validation, listener, listener)
    steps = len(listener.saved)
    for stop_after in range(1, steps, 7):
        again = training_of(**values)
        again.load_state_dict(from_bytes(listener.saved[stop_after]))
        train(again, images, validation, QuietListener(), QuietListener())
        assert to_bytes(again.state_dict()) == to_bytes(whole.state_dict())


@pytest.mark.parametrize("values", [{}, {"class_weights": "balanced"}, {"sampler": "balanced"}])
def test_the_learning_rate_finder_takes_the_same_steps(values: dict[str, Any]) -> None:
    config = digits_config(samples=320, batch_size=64, epochs=2, **values)  # 256 to train on
    stepper = Stepper(config, make_examples(load_data(config), config))
    for _ in range(2 * stepper.steps_an_epoch):
        stepper.step(config.lr)
    training, _ = trained(config)
    _, images, _ = prepared(config)
    _, loss, _ = evaluate(training.model, images)
    assert stepper.evaluate()[0] == pytest.approx(loss, rel=1e-5)


def test_without_them_nothing_is_drawn_or_weighted() -> None:
    config = digits_config()
    assert (config.class_weights, config.sampler) == ("none", "shuffle")
    training, _ = trained(config)
    assert training.class_weights is None
    shuffle = torch.Generator().manual_seed(config.seed + 1)
    for _ in range(config.epochs):
        torch.randperm(320, generator=shuffle)
    assert torch.equal(training.shuffle.get_state(), shuffle.get_state())
