"""The coach looks at the data before it speaks of the learning rate."""

from typing import Any

import msgspec
import pytest

from mnistop.engine import events
from mnistop.engine.analysis.coach import Advice, advise
from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import class_counts, load, split
from mnistop.engine.runs.history import History, reduce
from mnistop.engine.sweep.outcomes import rate_verdict
from tests.engine.analysis.test_coach_words import epoch, predictions, started

EVEN = [80] * 10
ALL = {"training_counts": EVEN, "validation_counts": [20] * 10, "source_counts": [100] * 10}


def advice_on(epochs: int = 30, train: float = 2.302, val: float = 2.302, **data: Any) -> Advice:
    """Return the advice for a run whose losses stay at the level of guessing, or as given."""
    return advise(run_on(epochs, train, val, **data), RunConfig(), None)


def run_on(epochs: int, train: float = 2.302, val: float = 2.302, **data: Any) -> History:
    begun: events.RunStarted = started(list("0123456789"))
    said = [msgspec.structs.replace(begun, **(ALL | data))]
    said += [epoch(number, train, val) for number in range(epochs)]
    return reduce(History(), said)


def test_a_loss_that_stands_is_blamed_on_the_rate_where_the_data_are_fine() -> None:
    assert advice_on(contrast=1.0).kind == "too low"
    assert advice_on(contrast=None).kind == "too low"


@pytest.mark.parametrize("epochs", [0, 1, 30])
def test_nearly_blank_images_come_before_the_rate(epochs: int) -> None:
    advice = advice_on(epochs, contrast=1 / 255)
    assert advice.kind == "blank images"
    assert "span only 0.0039 of the way from black to white" in advice.sentence
    assert "pixel range" in advice.remedy
    assert rate_verdict(run_on(epochs, contrast=1 / 255), RunConfig()) == ""


def test_before_the_curves_can_tell_no_rate_is_right_whatever_the_data_are() -> None:
    counts = {"training_counts": [400, 400, *[0] * 8], "source_counts": [100] * 10}
    for epochs in range(3):
        assert rate_verdict(run_on(epochs, 1.0, 1.0, **counts), RunConfig()) == ""


@pytest.mark.parametrize("epochs", [0, 1, 30])
def test_training_images_of_one_class_come_before_over_fitting(epochs: int) -> None:
    advice = advice_on(
        epochs, 1e-4, 9.0, training_counts=[0, 0, 800, *[0] * 7], source_counts=[100] * 10
    )
    assert advice.sentence.startswith("All 800 training images are of one class, 2:")
    assert "samples" in advice.remedy


@pytest.mark.parametrize("epochs", [0, 1, 30])
def test_half_of_the_classes_missing_come_before_the_rate(epochs: int) -> None:
    counts = [160] * 5 + [0] * 5
    advice = advice_on(epochs, training_counts=counts, validation_counts=[40] * 5 + [0] * 5)
    assert advice.kind == "missing classes"
    assert "5 of the 10 classes have no training image (5, 6, 7, …)" in advice.sentence
    assert "accuracy says nothing about them" in advice.sentence


def test_classes_that_are_only_validated_with_cannot_be_learned() -> None:
    """keras#8346: the last fifth, which is kept for validation, is a class of its own."""
    advice = advice_on(training_counts=[88] * 9 + [0], validation_counts=[0] * 9 + [200])
    assert "1 of the 10 classes has no training image (9): it cannot be learned" in (
        advice.sentence
    )


def test_classes_without_a_validation_image_are_told() -> None:
    """pls-da#38: a class that is in one part only."""
    advice = advice_on(training_counts=EVEN, validation_counts=[40] * 5 + [0] * 5)
    assert "5 of the 10 classes have no validation image" in advice.sentence
    assert "Stratify the split" in advice.remedy


def test_one_class_of_many_is_told_at_the_start_only() -> None:
    names = [str(index) for index in range(50)]
    counts = {"training_counts": [16] * 50, "source_counts": [20] * 50}
    begun = msgspec.structs.replace(started(names), **counts, validation_counts=[4] * 49 + [0])
    for epochs, is_told in ((1, True), (30, False)):
        said = [begun, *(epoch(number, 3.9, 3.9) for number in range(epochs))]
        advice = advise(reduce(History(), said), RunConfig(), None)
        assert (advice.kind == "missing classes") == is_told


def test_labels_that_the_source_leaves_out_are_no_classes_that_miss() -> None:
    counts = [100, *[0] * 8, 100]
    advice = advice_on(training_counts=counts, validation_counts=counts, source_counts=counts)
    assert advice.kind == "too low"


def test_counts_that_make_no_sense_are_left_aside() -> None:
    assert advice_on(training_counts=[5], validation_counts=[], source_counts=[]).kind == "too low"


# Uneven classes.

UNEVEN = [100] * 8 + [10, 10]
CLASSES = [*range(8)] * 20 + [8, 9] * 8


def advice_with_recalls(
    rare: float, others: float, counts: list[int] = UNEVEN, **values: Any
) -> Advice:
    """Return the advice after 12 good epochs, with these shares of right predictions."""
    history = run_on(0, training_counts=counts)
    said = [epoch(number, 2.0 * 0.8**number, 2.0 * 0.8**number) for number in range(12)]
    right = {label: others if label < 8 else rare for label in range(10)}
    seen: dict[int, int] = {}
    predicted = []
    for label in CLASSES:
        place = seen[label] = seen.get(label, -1) + 1
        is_right = place < round(right[label] * CLASSES.count(label))
        predicted.append(label if is_right else (label + 1) % 8)
    one = predictions(12, CLASSES, predicted, 10)
    return advise(reduce(history, said), RunConfig(**values), one)


def test_rare_classes_that_are_learned_worse_are_told_with_what_helps() -> None:
    advice = advice_with_recalls(0.25, 0.9)
    assert advice.kind == "rare classes"
    assert "few training images (8, 9) are learned worse" in advice.sentence
    assert "25% of their validation images are right, 90% of others" in advice.sentence
    assert advice.remedy == "Try balanced class weights or the balanced sampler."


@pytest.mark.parametrize(
    ("rare", "others", "counts", "values"),
    [
        (0.9, 0.9, UNEVEN, {}),
        (0.75, 0.9, UNEVEN, {}),  # 12 of 16: as likely as 90%
        (0.25, 0.9, [80] * 10, {}),
        (0.25, 0.9, [90] * 8 + [50, 50], {}),
        (0.25, 0.9, UNEVEN, {"class_weights": "balanced"}),
        (0.25, 0.9, UNEVEN, {"sampler": "balanced"}),
    ],
)
def test_rare_classes_are_not_told_otherwise(
    rare: float, others: float, counts: list[int], values: dict[str, Any]
) -> None:
    assert advice_with_recalls(rare, others, counts, **values).kind == "still learning"


def test_a_rare_class_that_is_never_predicted_needs_images_where_it_has_weight_already() -> None:
    for values, remedy in (
        ({}, "Try balanced class weights or the balanced sampler."),
        ({"sampler": "balanced"}, "More images of what is rare would help."),
    ):
        advice = advice_with_recalls(0.0, 0.9, **values)
        assert (advice.kind, advice.remedy) == ("never predicted", remedy)


@pytest.mark.parametrize("samples", [500, 1000, 4000])
def test_no_digit_is_rare(samples: int) -> None:
    dataset = load("bundled", samples)
    for seed in range(5):
        counts = class_counts(dataset, *split(dataset, 0.2, seed))
        advice = advice_with_recalls(0.25, 0.9, list(counts.training))
        assert advice.kind == "still learning"
