"""The filter of validation images: what can be typed, what comes of it, and what is refused."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistop.engine.analysis.image_filters import ORDERS, Filter, Order, grammar, parse, rows
from mnistop.engine.filter_grammar import Bound, FilterError
from mnistop.engine.runs.predictions import (
    NEVER_FIRST,
    NEVER_LAST,
    EpochPredictions,
    LearningTimes,
    learning_times,
)

DIGITS = tuple("0123456789")
CLOTHES = ("T-shirt/top", "Trouser", "Ankle boot", "Bag")
FIELDS = ("true", "pred", "conf", "loss", "margin", "first", "last")


def judged(
    count: int, seed: int, classes: int = 4, epochs: int = 6
) -> tuple[EpochPredictions, LearningTimes]:
    """Predictions at random, with ties, and when its images were right."""
    random = np.random.default_rng(seed)
    logits = random.integers(-3, 3, (count, classes)).astype(np.float32)
    logits -= np.log(np.exp(logits).sum(1, keepdims=True))
    labels = random.integers(0, classes, count)
    history = random.integers(0, classes, (epochs, count))
    predictions = EpochPredictions(epochs, labels, logits.argmax(1), logits)
    return predictions, learning_times(history, labels)


def test_without_words_only_mistakes_are_wanted() -> None:
    assert parse("", DIGITS) == Filter("wrong")
    assert parse("   ", DIGITS) == Filter("wrong")


def test_words_may_come_in_any_order_with_spaces_around_comparisons() -> None:
    chosen = parse("conf > 0.9 all pred: 9 TRUE:4", DIGITS)
    assert chosen == Filter("all", 4, 9, (Bound("conf", 0.9, math.inf, low_counts=False),))


@pytest.mark.parametrize("name", ["Ankle_boot", "ankle_boot", "2"])
def test_a_class_has_a_name_and_a_number(name: str) -> None:
    assert parse(f"true:{name}", CLOTHES).true == 2


def test_the_diagonal_of_the_matrix_needs_no_word_for_right() -> None:
    assert parse("true:4 pred:4", DIGITS).kind == "right"
    assert parse("true:4 pred:4 all", DIGITS).kind == "all"


def test_several_bounds_of_one_number_narrow_it() -> None:
    (bound,) = parse("conf>0.2 conf<=0.8 conf>0.5", DIGITS).bounds
    assert bound == Bound("conf", 0.5, 0.8, low_counts=False)


def test_an_equal_number_holds_for_what_is_rounded_to_it() -> None:
    (bound,) = parse("conf:0.9", DIGITS).bounds
    assert bound.passes(np.array([0.84, 0.86, 0.949, 0.96])).tolist() == [False, True, True, False]
    (percent,) = parse("conf=90%", DIGITS).bounds
    assert percent.passes(np.array([0.89, 0.896, 0.904])).tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tru:4", ['"tru:4"', "did you mean true:4?"]),
        ("confidence>3", ['"confidence>3"', "did you mean conf>0.5?"]),
        ("xyzzy", ['"xyzzy" is not known', "true: pred: conf>"]),
        ("true:12", ['"true:12"', "there is no class 12", "0, 1, 2"]),
        ("true:", ["a class is missing, as in true:4."]),
        ("true", ["as in true:4"]),
        ("true>4", ["true is not larger or smaller", "true:4"]),
        ("conf", ["a number is missing", "conf>0.5"]),
        ("conf>", ["a number is missing"]),
        ("conf>high", ["a number is missing"]),
        ("conf>nan", ["a number is missing"]),
        ("conf>1.5", ["conf is from 0 to 1"]),
        ("loss<-1", ["loss is at least 0"]),
        ("margin>2", ["margin is from -1 to 1"]),
        ("first>2.5", ["a whole number"]),
        ("last>nan", ["a whole number"]),
        ("true:4 true:5", ['"true:4" and "true:5" exclude each other']),
        ("conf>0.9 conf<0.5", ['"conf>0.9" and "conf<0.5" exclude each other']),
        ("conf>0.9 conf<0.9", ["exclude each other"]),
        ("all right", ["exclude each other"]),
        ("right true:4 pred:9", ["leave out right"]),
        ("wrong true:4 pred:4", ["leave out wrong"]),
    ],
)
def test_what_makes_no_sense_is_named_in_one_sentence(text: str, words: list[str]) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text, DIGITS)
    for word in words:
        assert word in str(caught.value)


def test_a_near_class_name_is_suggested() -> None:
    with pytest.raises(FilterError, match="did you mean Trouser"):
        parse("pred:Trousers", CLOTHES)


typed = st.one_of(
    st.text(),
    st.lists(
        st.builds(
            "{}{}{}".format,
            st.sampled_from([*FIELDS, "all", "right", "wrong", "epoch", ""]),
            st.sampled_from([">", "<", ">=", "<=", "=", ":", ""]),
            st.one_of(st.text(max_size=4), st.floats().map(str), st.integers().map(str)),
        ),
        max_size=5,
    ).map(" ".join),
)


@given(typed, st.sampled_from([DIGITS, CLOTHES]))
def test_whatever_is_typed_is_understood_or_refused_with_a_sentence(
    text: str, names: tuple[str, ...]
) -> None:
    sentence = "."
    try:
        parse(text, names)
    except FilterError as error:
        sentence = str(error)
    assert sentence.endswith((".", "?"))
    assert "\n" not in sentence
    for line in grammar(names).complete(text):
        assert line.startswith(text)
        assert line != text


@given(
    st.integers(0, 60),
    st.integers(0, 1000),
    st.sampled_from(["wrong", "right", "all"]),
    st.one_of(st.none(), st.integers(0, 3)),
    st.one_of(st.none(), st.integers(0, 3)),
    st.sampled_from(["", "conf>0.4", "loss<=1", "margin<0.1", "first>2", "last<3"]),
    st.sampled_from(ORDERS),
)
def test_the_rows_are_those_of_a_straightforward_sort(
    count: int,
    seed: int,
    kind: str,
    true: int | None,
    predicted: int | None,
    bound: str,
    order: Order,
) -> None:
    predictions, when = judged(count, seed)
    text = bound if kind == "wrong" else f"{bound} {kind}"
    text += "" if true is None else f" true:{true}"
    text += "" if predicted is None else f" pred:{predicted}"
    try:
        chosen = parse(text, ("a", "b", "c", "d"))
    except FilterError:
        assert kind == "right"
        return
    expected = []
    for row in range(count):
        label, said = int(predictions.labels[row]), int(predictions.predicted[row])
        probabilities = predictions.probabilities[row]
        values = {
            "conf": probabilities[said],
            "loss": -predictions.log_probabilities[row, label],
            "margin": probabilities[label] - max(np.delete(probabilities, label)),
            "first": when.first[row],
            "last": when.last[row],
        }
        wanted = {"wrong": label != said, "right": label == said, "all": True}[chosen.kind]
        wanted = wanted and true in (None, label) and predicted in (None, said)
        wanted = wanted and eval(bound or "True", {}, values)
        keys = {
            "confidence": values["conf"] if label == said else -values["conf"],
            "loss": -values["loss"],
            "margin": values["margin"],
            "index": row,
            "first": -values["first"],
            "last": values["last"],
        }
        if wanted:
            expected.append((keys[order.name], row))
    assert rows(chosen, order, predictions, when).tolist() == [row for _, row in sorted(expected)]


@given(st.integers(0, 30), st.integers(0, 12), st.integers(0, 1000))
def test_first_and_last_are_the_epochs_in_which_an_image_was_right(
    count: int, epochs: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, count).astype(np.uint8)
    history = random.integers(0, 3, (epochs, count)).astype(np.uint8)
    when = learning_times(history, labels)
    for row in range(count):
        right = [epoch for epoch in range(epochs) if history[epoch, row] == labels[row]]
        assert when.first[row] == (right[0] if right else NEVER_FIRST)
        assert when.last[row] == (right[-1] if right else NEVER_LAST)


def test_completion_offers_words_and_then_classes() -> None:
    assert grammar(DIGITS).complete("t") == ["true:"]
    assert grammar(DIGITS).complete("true:4 p") == ["true:4 pred:"]
    assert grammar(("cat", "dog")).complete("pred:") == ["pred:cat", "pred:dog"]
    assert grammar(CLOTHES).complete("true:an") == ["true:ankle_boot"]
    assert grammar(DIGITS).complete("a") == ["all"]
    assert grammar(DIGITS).complete("all ") == []
