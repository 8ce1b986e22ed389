"""Whatever a run has said, the coach has one sentence for it, and does not overstate."""

import math
import re
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mnistop.engine import events
from mnistop.engine.analysis.coach import advise
from mnistop.engine.config import RunConfig
from mnistop.engine.evaluate import wilson_interval
from mnistop.engine.learning_rate import higher_rate, lower_rate
from mnistop.engine.runs.history import History, reduce
from mnistop.engine.runs.predictions import EpochPredictions
from tests.helpers.coached import event

LOSSES = st.one_of(st.floats(0, 5), st.floats(), st.sampled_from([0.0, 2.3, 1e300]))
SHARES = st.floats(0, 1)
CONFIGS = st.builds(
    RunConfig,
    epochs=st.integers(1, 1_000_000),
    lr=st.floats(1e-300, 1000),
    hidden=st.sampled_from([(), (128,), (64, 64)]),
    activation=st.sampled_from(["relu", "sigmoid"]),
    optimizer=st.sampled_from(["manual", "sgd", "adam", "adamw"]),
    batch_size=st.integers(1, 1_000_000),
    samples=st.sampled_from([None, 2, 1000]),
    shift=st.sampled_from([0, 2]),
    dropout=st.sampled_from([0.0, 0.5]),
    weight_decay=st.sampled_from([0.0, 0.1]),
    early_stopping=st.sampled_from([0, 5]),
    adversarial_epsilon=st.sampled_from([0.0, 0.1]),
    sampler=st.sampled_from(["shuffle", "balanced"]),
)
ENDS = st.sampled_from(
    [
        None,
        event(events.RunFinished, epochs=1, reason="all epochs"),
        event(events.RunFinished, epochs=1, reason="early stopping"),
        event(events.RunStopped, epochs=1, step=2),
        event(events.RunFailed, message="It broke."),
        event(events.RunFailed, message="The loss is no longer a number.", diverged=True),
    ]
)


def started(names: list[str], val_loss: float = 2.3, images: int = 200, training: int = 800) -> Any:
    return event(
        events.RunStarted,
        pid=1,
        class_names=names,
        image_shape=[28, 28],
        training_images=training,
        validation_images=images,
        layers=[784, len(names)],
        parameters=1,
        device="cpu",
        versions={},
        val_loss=val_loss,
        val_acc=0.1,
    )


def epoch(number: int, train: float, val: float, acc: float = 0.9, **values: Any) -> Any:
    values = {"train_acc": acc, "lr": 0.1, "seconds": 0.01} | values
    return event(
        events.EpochFinished, epoch=number, train_loss=train, val_loss=val, val_acc=acc, **values
    )


def predictions(
    epochs: int, labels: list[int], predictions: list[int], classes: int
) -> EpochPredictions:
    said = np.zeros((len(labels), classes), np.float32)
    return EpochPredictions(epochs, np.array(labels, np.intp), np.array(predictions, np.intp), said)


@st.composite
def histories(draw: st.DrawFn) -> tuple[History, RunConfig, EpochPredictions | None]:
    names = draw(st.lists(st.text(max_size=30), min_size=1, max_size=100))
    curves = draw(st.lists(st.tuples(LOSSES, LOSSES, SHARES, SHARES), max_size=40))
    said: list[Any] = []
    if draw(st.integers(0, 9)):
        counts = draw(st.tuples(st.integers(1, 10_000), st.integers(1, 70_000)))
        begun = started(names, draw(LOSSES), *counts)
        if draw(st.booleans()):
            each = draw(st.lists(st.integers(0, 100), min_size=len(names), max_size=len(names)))
            begun = msgspec.structs.replace(
                begun, training_counts=each, validation_counts=each, source_counts=each
            )
        said.append(begun)
    deads = draw(st.sampled_from([None, 0.0, 0.5, 1.0]))
    said += [
        epoch(number, train, val, acc, train_acc=train_acc, dead=deads)
        for number, (train, val, acc, train_acc) in enumerate(curves)
    ]
    if end := draw(ENDS):
        said.append(end)
    one = None
    if draw(st.booleans()):
        classes = st.integers(0, len(names) - 1)
        pairs = draw(st.lists(st.tuples(classes, classes), min_size=1, max_size=60))
        one = predictions(len(curves), [a for a, _ in pairs], [b for _, b in pairs], len(names))
    return reduce(History(), said), draw(CONFIGS), one


@pytest.mark.slow
@given(histories())
def test_there_is_always_one_short_sentence(
    run: tuple[History, RunConfig, EpochPredictions | None],
) -> None:
    advice = advise(*run)
    assert advice.kind
    assert 10 < len(advice.sentence) < 180
    assert advice.sentence.endswith(".")
    assert len(advice.remedy) < 160
    assert advice.remedy == "" or advice.remedy.endswith(".")
    assert advise(*run) == advice


def falling_then_rising(now: float, accuracies: tuple[float, float]) -> History:
    """Validation loss falls to 0.5 at epoch 10 and rises to `now` at epoch 40."""
    then_right, now_right = accuracies
    said = [started(list("0123456789"))]
    for number in range(41):
        early = number <= 10
        val = 0.5 + 0.15 * (10 - number) if early else 0.5 + (now - 0.5) * (number - 10) / 30
        right = then_right if number <= 15 else now_right
        said.append(epoch(number, 2 * 0.85**number, val, right))
    return reduce(History(), said)


@given(st.integers(20, 199), st.integers(20, 199))
@example(178, 179)
@example(180, 160)
def test_accuracies_within_each_others_interval_are_not_called_different(
    then: int, now: int
) -> None:
    advice = advise(falling_then_rising(0.8, (then / 200, now / 200)), RunConfig(), None)
    assert advice.kind == "over-fitting"
    low, high = wilson_interval(then / 200, 200)
    if low <= now / 200 <= high:
        assert "accuracy holds at" in advice.sentence
    elif now < then:
        assert "accuracy fell from" in advice.sentence
    else:
        assert "accuracy still rose from" in advice.sentence


@given(st.floats(0.5, 0.54))
def test_a_rise_of_less_than_a_tenth_is_no_overfitting(now: float) -> None:
    advice = advise(falling_then_rising(now, (0.88, 0.88)), RunConfig(), None)
    assert advice.kind == "all well"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, "Try shifts, more samples or early stopping."),
        ({"shift": 2}, "Try more samples, early stopping or weight decay."),
        ({"samples": None}, "Try shifts, early stopping or weight decay."),
        ({"samples": 5000}, "Try shifts, early stopping or weight decay."),
        (
            {"shift": 1, "samples": None, "early_stopping": 50, "weight_decay": 0.1},
            "Try dropout.",
        ),
        (
            {
                "shift": 1,
                "samples": None,
                "early_stopping": 50,
                "weight_decay": 0.1,
                "dropout": 0.1,
            },
            "More images would help most.",
        ),
    ],
    ids=str,
)
def test_it_advises_what_the_run_does_not_do_yet(config: dict[str, Any], expected: str) -> None:
    history = falling_then_rising(0.8, (0.88, 0.88))
    assert advise(history, RunConfig(**config), None).remedy == expected


@given(st.integers(2, 100))
def test_the_loss_before_training_is_explained_for_any_number_of_classes(classes: int) -> None:
    names = [str(index) for index in range(classes)]
    history = reduce(History(), [started(names, math.log(classes) * 1.01)])
    sentence = advise(history, RunConfig(), None).sentence
    assert f"-ln(1/{classes}) = ln {classes} = {math.log(classes):.3f}" in sentence


def test_two_classes_of_which_one_is_rare_have_another_loss_of_guessing() -> None:
    """A model that only knows that 9 of 10 are zeros reaches 0.325, far below ln 2."""
    labels = [0] * 90 + [1] * 10
    levels = [0.33, 0.326, 0.328, 0.325, 0.327, 0.326, 0.328]
    said = [epoch(number, level, level) for number, level in enumerate(levels)]
    history = reduce(History(), [started(["0", "1"], 0.7), *said])
    advice = advise(history, RunConfig(), predictions(7, labels, [0] * 100, 2))
    assert advice.kind == "stuck"
    assert "0.33, knowing only how frequent each class is" in advice.sentence


def test_many_classes_that_are_never_predicted_are_counted_and_some_named() -> None:
    names = [f"class number {index}" for index in range(12)]
    said = [epoch(number, 2.0 - number / 4, 2.0 - number / 4) for number in range(5)]
    history = reduce(History(), [started(names), *said])
    labels = [index % 12 for index in range(120)]
    advice = advise(history, RunConfig(epochs=5), predictions(5, labels, [0, 5] * 60, 12))
    expected = (
        "10 classes are never predicted: class number 1, class number 2, class number 3 and 7"
    )
    assert advice.sentence.startswith(expected)


def test_the_sentence_is_of_the_newest_epoch_as_a_resumed_run_counts_it() -> None:
    history = falling_then_rising(0.8, (0.88, 0.88))
    resumed = event(events.RunResumed, pid=2, epoch=8, step=0)
    assert advise(reduce(history, [resumed]), RunConfig(), None).kind == "still learning"


@given(CONFIGS)
def test_the_rates_that_it_names_can_be_set(config: RunConfig) -> None:
    lower, higher = float(lower_rate(config, 10)), float(higher_rate(config))
    assert 0 <= lower <= max(config.lr, 1e-3)
    assert config.lr <= 1.1 * higher
    assert higher <= 1000
    assert re.fullmatch(r"[\d.e-]+", higher_rate(config))
