"""Labels of every form that people store them in become classes from 0, and a note says how."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mnistop.engine.data.labels import MAX_CLASSES, Classes, number_classes
from mnistop.engine.data.preparation import to_dataset
from mnistop.engine.data.stored import Part, Stored
from mnistop.engine.errors import DataError

ONE_HOT = np.eye(3)[[2, 0, 2, 1]]


def numbered(*labels: Any, names: tuple[str, ...] | None = None) -> Classes:
    parts = [(f"labels.{index}", np.asarray(each)) for index, each in enumerate(labels)]
    return number_classes(parts, names, "made up")


@pytest.mark.parametrize(
    ("labels", "classes", "names", "note"),
    [
        ([5, 0, 9], [5, 0, 9], "0 1 2 3 4 5 6 7 8 9", ""),
        ([0.0, 2.0, 1.0], [0, 2, 1], "0 1 2", ""),
        ([True, False], [1, 0], "0 1", ""),
        ([[1], [0]], [1, 0], "0 1", ""),
        ([[1, 0, 2]], [1, 0, 2], "0 1 2", ""),
        ([2, 1, 3], [1, 0, 2], "1 2 3", "Labels are 1 to 3: they are counted from 0 here, and "),
        ([-1, 1, -1], [0, 1, 0], "-1 1", "Labels are 2 numbers from -1 to 1: they are counted"),
        ([8, 3, 8], [1, 0, 1], "3 8", "Labels are 2 numbers from 3 to 8: they are counted"),
        ([0, 255, 0], [0, 1, 0], "0 255", "Labels are 2 numbers from 0 to 255: they are"),
        ([10**14, 0], [1, 0], f"0 {10**14}", "Labels are 2 numbers"),
        (ONE_HOT, [2, 0, 2, 1], "0 1 2", "Labels are one-hot: the number of the column"),
        (ONE_HOT == 1, [2, 0, 2, 1], "0 1 2", "Labels are one-hot"),
        (np.eye(3)[[1, 2]], [1, 2], "0 1 2", "Labels are one-hot"),
        (["boot", "bag", "boot"], [1, 0, 1], "bag boot", "Labels are texts: the 2 classes are"),
        ([b"\xc3\xa4", b"a"], [1, 0], "a ä", "Labels are texts"),
        ([" b", "a "], [1, 0], "a b", "Labels are texts"),
        (["5", "0", "10"], [5, 0, 10], "0 1 2 3 4 5 6 7 8 9 10", ""),
        ([b"1.0", b"2.0"], [0, 1], "1 2", "Labels are 1 to 2"),
        (np.array(["b", b"a"], object), [1, 0], "a b", "Labels are texts"),
        (np.array([1, np.uint8(0), 2.0], object), [1, 0, 2], "0 1 2", ""),
    ],
)
def test_labels_of_all_forms_become_classes_from_0(
    labels: Any, classes: list[int], names: str, note: str
) -> None:
    found = numbered(labels)
    assert found.labels[0].tolist() == classes
    assert found.labels[0].dtype == np.int64
    assert found.names == tuple(names.split())
    assert found.note.startswith(note)
    assert bool(found.note) == bool(note)


def test_all_parts_of_a_source_are_numbered_alike() -> None:
    found = numbered(["c", "a"], ["b"], ["c"])
    assert [labels.tolist() for labels in found.labels] == [[2, 0], [1], [2]]
    assert [labels.tolist() for labels in numbered([3, 7], ["5"]).labels] == [[0, 2], [1]]
    assert numbered(np.eye(4)[[0, 2]], [1, 3]).names == tuple("0123")


def test_names_of_a_source_are_kept() -> None:
    assert numbered([1, 0], names=("a", "b")).labels[0].tolist() == [1, 0]
    counted = numbered([1, 2], names=("a", "b"))
    assert (counted.labels[0].tolist(), counted.names) == ([0, 1], ("a", "b"))
    assert counted.note == "Labels are 1 to 2: they are counted from 0 here."
    assert numbered(["z", "a"], names=("z", "a", "x")).labels[0].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ([[0.5, 0.5], [1, 0]], r"labels\.0 have the shape 2 × 2, but are not one-hot"),
        (np.zeros((4, 10)), "the shape 4 × 10, but are not one-hot"),
        (np.zeros((4, 2, 2)), r"labels\.0 holds 4 images, not labels"),
        (np.zeros((1, 1, 1, 1, 1)), "have 5 dimensions"),
        ([], r"labels\.0 holds no labels"),
        (range(101), "have 101 different values, such as 100, and 100 is the highest"),
        (np.eye(101), "have 101 different values"),
        ([str(index) + "x" for index in range(200)], "have 200 different values, such as '9x'"),
        ([3, 3], "All images of made up have the label 3"),
        (["x", "x"], "All images of made up have the label 'x'"),
        ([0, 1, 0.5], r"labels\.0 are not all whole numbers"),
        ([0, 1, np.inf], "not all whole numbers"),
        ([0, 1, 1e300], "not all whole numbers"),
        ([0, 2**64 - 1], "not all whole numbers"),
        ([np.nan, np.nan], r"All labels in labels\.0 are missing"),
        (["", "NA"], r"All labels in labels\.0 are missing"),
        ([-1, -1], r"All labels in labels\.0 are missing"),
        (np.array([0, [1]], object), "Label 1 in .* is a list"),
        ([1j, 0], "neither numbers nor texts"),
        ([b"\xff", b"a"], "not texts in UTF-8"),
    ],
)
def test_what_is_no_label_is_told(labels: Any, says: str) -> None:
    with pytest.raises(DataError, match=says):
        numbered(labels)


@pytest.mark.parametrize(
    "labels",
    [
        [2, 0, np.nan, 1],
        [2, 0, -1, 1],
        [3, 1, -1, 2],
        np.array([2, 0, None, 1], object),
        np.array([2, 0, pd.NA, 1], object),
        ["2", "0", "", "1"],
        ["c", "a", "NaN", "b"],
        np.array(["c", "a", None, "b"], object),
        np.array(["c", "a", float("nan"), "b"], object),
        [b"c", b"a", b"NULL", b"b"],
    ],
)
def test_missing_labels_are_no_class(labels: Any) -> None:
    found = numbered(labels)
    assert found.labels[0].tolist() == [2, 0, -1, 1]
    assert len(found.names) == 3


def test_minus_1_may_be_a_class() -> None:
    assert numbered([-1, 1, -1]).labels[0].tolist() == [0, 1, 0]
    assert numbered([-1, 0, 1]).names == ("-1", "0", "1")


def test_the_minus_1_of_a_test_part_is_no_class() -> None:
    for names in (None, ("a", "b")):
        found = numbered([0, 1], [-1, -1], names=names)
        assert [labels.tolist() for labels in found.labels] == [[0, 1], [-1, -1]]


def test_images_without_a_label_are_left_out_and_counted() -> None:
    images = np.arange(6 * 9).reshape(6, 3, 3)
    parts = [
        Part(images, np.array(["b", "a", "", "b", None, "a"], object), "x", "y"),
        Part(images, np.full(6, np.nan), "x.test", "y.test", "test"),
    ]
    dataset = to_dataset(Stored(parts, ""), "made up", None, (0, 255))
    assert dataset.labels.tolist() == [1, 0, 1, 0]
    assert (dataset.images[:, 0, 0] * 255).round().tolist() == [0, 9, 27, 45]
    assert len(dataset.unseen) == 0
    assert dataset.notes[:2] == (
        "2 images without a label left out: y.",
        "All labels in y.test are missing: 6 images left out.",
    )
    with pytest.raises(DataError, match="All labels of the images to train on are missing"):
        to_dataset(
            Stored([replace(parts[0], role="test"), replace(parts[1], role="train")], ""), "", None
        )


def test_class_names_are_shown_apart() -> None:
    texts = np.array(["bag, small", "a\u202eb", "a\u200bb", "a\u00a0b"])
    part = Part(np.arange(36).reshape(4, 3, 3), texts, "x", "y")
    dataset = to_dataset(Stored([part], ""), "made up", None, (0, 255))
    assert set(dataset.class_names) == {"a?b", "a?b (2)", "a b", "bag, small"}
    assert "'bag, small'" in dataset.notes[0]
    assert dataset.notes[1] == "Classes of the same name are numbered: a?b (2)."


def test_parts_that_do_not_match_are_told() -> None:
    with pytest.raises(DataError, match=r"labels\.1 are numbers, but labels\.0 has texts.*'a'"):
        numbered(["a", "b"], [0, 1])


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ([0, 2], "comes with 2 class names, but its labels go from 0 to 2: give 3 names"),
        (["a", "c"], "has a label 'c', which is not among its 2 class names"),
    ],
)
def test_names_that_do_not_match_are_told(labels: Any, says: str) -> None:
    with pytest.raises(DataError, match=says):
        numbered(labels, names=("a", "b"))


def test_a_data_set_says_what_became_of_its_labels() -> None:
    part = Part(np.zeros((2, 3, 3)), np.array(["b\x1b", "a"]), "images.x", "labels.x")
    dataset = to_dataset(Stored([part], "", notes=("Before.",)), "made up", None)
    assert dataset.class_names == ("a", "b?")
    assert dataset.notes == (
        "Before.",
        "Labels are texts: the 2 classes are in sorted order (a, b?).",
    )


@given(st.lists(st.integers(0, MAX_CLASSES - 1), min_size=1), st.sampled_from("buif"))
def test_labels_accepted_before_are_taken_as_they_are(labels: list[int], kind: str) -> None:
    stored = np.array([0, 1, *labels]).astype({"b": "?", "u": "u1", "i": "i8", "f": "f4"}[kind])
    found = numbered(stored)
    assert found.labels[0].tolist() == stored.astype(int).tolist()
    assert found.names == tuple(str(label) for label in range(int(stored.max()) + 1))
    assert not found.note


CODES = st.one_of(
    st.lists(st.integers(-(10**14), 10**14), min_size=2, max_size=8, unique=True),
    st.lists(st.text("abz ._", min_size=1).filter(str.strip), min_size=2, max_size=8),
)


@given(CODES, st.data())
def test_every_label_keeps_its_name_whatever_the_form(
    codes: list[Any], data: st.DataObject
) -> None:
    drawn = data.draw(st.lists(st.sampled_from(codes), min_size=1))
    labels: NDArray[Any] = np.array([*codes, *drawn])
    try:
        one = numbered(labels)
    except DataError:
        assert len({text.strip() for text in labels.astype(str)}) == 1
        return
    names = [one.names[label] for label in one.labels[0]]
    assert names == [text.strip() for text in labels.astype(str).tolist()]
    for same in (labels[:, None], labels[None], labels.astype(object), labels.astype(str)):
        other = numbered(same)
        assert other.labels[0].tolist() == one.labels[0].tolist()
        assert other.names == one.names
    halves = numbered(labels[:1], labels[1:])
    assert np.concatenate(halves.labels).tolist() == one.labels[0].tolist()


def test_one_hot_labels_in_one_part_and_greater_numbers_in_another_are_refused() -> None:
    parts = [("a", np.eye(3)), ("b", np.arange(1, 4))]
    with pytest.raises(DataError, match="one-hot labels of 3 classes and the label 3 besides"):
        number_classes(parts, None, "made up")


def test_a_long_name_is_cut_in_a_note() -> None:
    labels = np.array(["a" * 500, "b, or c"] * 3)
    note = number_classes([("y", labels)], None, "here").note
    assert f"({'a' * 39}…, 'b, or c')" in note
