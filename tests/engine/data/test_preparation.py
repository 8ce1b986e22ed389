"""What is checked in every source: shapes, labels, sizes, order and pixels."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from mnistop.engine.config import Split
from mnistop.engine.data.preparation import to_dataset
from mnistop.engine.data.sources import Dataset
from mnistop.engine.data.stored import Part, Stored
from mnistop.engine.errors import DataError


def checked(
    images: NDArray[np.generic],
    labels: object,
    names: tuple[str, ...] | None = None,
    samples: int | None = None,
) -> Dataset:
    part = Part(images, np.asarray(labels), "images.x", "labels.x")
    return to_dataset(Stored([part], "made up", names), "made up", samples)


def in_parts(sizes: list[int], labels: NDArray[np.int64], was_in_order: bool = False) -> Stored:
    """Different images with labels, as training parts of these sizes."""
    images = np.arange(len(labels), dtype=np.uint8).repeat(4).reshape(-1, 2, 2)
    images[-1] = 255
    ends = np.cumsum(sizes)
    parts = [
        Part(images[end - size : end], labels[end - size : end], "i", "l")
        for size, end in zip(sizes, ends, strict=True)
    ]
    return Stored(parts, "", was_in_order=was_in_order)


SORTED, SHUFFLED = np.arange(200) // 20, np.random.default_rng(0).permutation(200) % 10


UNEVEN = np.random.default_rng(1).permutation(np.repeat([0, 1], [196, 4]))


@pytest.mark.parametrize("split", ["given", "random"])
@pytest.mark.parametrize("sizes", [[200], [120, 80]])
def test_images_sorted_by_class_are_mixed(sizes: list[int], split: Split) -> None:
    some, again = (to_dataset(in_parts(sizes, SORTED), "here", 50, split=split) for _ in range(2))
    assert len(set(some.labels.tolist())) == 10
    assert some.fingerprint == again.fingerprint
    (note,) = some.notes
    assert note.startswith("The images are sorted by class: they are taken in a random")
    rest = [some.unseen.image(number) for number in range(150)]
    found = {round(float(image[0, 0]) * 255): label for image, label in rest}
    found |= {
        round(float(image[0, 0]) * 255): label
        for image, label in zip(some.images, some.labels.tolist(), strict=True)
    }
    assert found == dict(enumerate(SORTED[:-1].tolist())) | {255: 9}


@pytest.mark.parametrize(
    ("labels", "samples", "split", "was_in_order"),
    [
        (SHUFFLED, 50, "given", False),
        (np.arange(200) % 10, 50, "given", False),
        (
            np.repeat([0, 1], [196, 4])[np.random.default_rng(1).permutation(200)],
            150,
            "given",
            False,
        ),
        (SORTED, None, "given", False),
        (SORTED, 50, "random", True),
    ],
    ids=["random", "in turn", "uneven", "all", "run from before there was a split"],
)
def test_other_images_stay_in_their_order(
    labels: NDArray[np.int64], samples: int | None, split: Split, was_in_order: bool
) -> None:
    dataset = to_dataset(in_parts([200], labels, was_in_order), "here", samples, split=split)
    first = np.rint(dataset.images[:49, 0, 0] * 255).astype(int)
    assert first.tolist() == list(range(49))
    assert bool(dataset.notes) == was_in_order


def test_a_source_of_test_images_only_says_that_they_are_trained_on() -> None:
    stored = in_parts([200], SHUFFLED)
    parts = [replace(part, role="test") for part in stored.parts]
    assert "has no training images" in to_dataset(replace(stored, parts=parts), "here", 50).notes[0]


@pytest.mark.parametrize("shift", [0, 1])
def test_labels_that_count_from_another_number_in_a_part_are_told(shift: int) -> None:
    test = replace(in_parts([200], SHUFFLED).parts[0], role="test")
    parts = [*in_parts([200], SHUFFLED + shift).parts, test]
    notes = to_dataset(Stored(parts, ""), "here", None).notes
    assert [note.partition(",")[0] for note in notes] == ["No training image has the label 0"][
        :shift
    ]


def test_gray_images_beside_colour_become_colour() -> None:
    gray, colour = np.full((2, 3, 3), 9, np.uint8), np.full((2, 3, 3, 3), 255, np.uint8)
    labels = np.array([0, 1])
    parts = [Part(gray, labels, "a.x", "a"), Part(colour, labels, "b.x", "b")]
    dataset = to_dataset(Stored(parts, ""), "here", None)
    assert np.array_equal(dataset.images[:2], np.full((2, 3, 3, 3), np.float32(9 / 255)))
    assert dataset.notes == (
        "The images in a.x are gray, and taken for colour images as others are.",
    )


GRAY = np.zeros((4, 3, 2), np.uint8)


@pytest.mark.parametrize(
    ("images", "says"),
    [
        (np.zeros((4, 5, 6, 7)), "4 dimensions, 4 × 5 × 6 × 7"),
        (np.zeros((4, 1, 2, 3, 4)), "5 dimensions"),
        (np.zeros(4), "labels or a plain list"),
        (np.zeros((4, 14)), "a row of 14 pixels, which makes no square"),
        (np.zeros((0, 3, 2)), "no images"),
        (np.zeros((4, 0, 2)), "no images"),
        (np.full((4, 3, 2), np.nan), "NaN"),
        (np.full((4, 3, 2), np.inf), "infinity"),
        (np.full((4, 3, 2), "x"), "not numbers"),
        (np.full((4, 3, 2), 1j), "not numbers"),
    ],
)
def test_unfit_images_say_what_is_wrong_and_where(images: NDArray[np.generic], says: str) -> None:
    with pytest.raises(DataError, match=says) as told:
        checked(images, [0, 1, 0, 1])
    assert "images.x" in str(told.value)


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ([0, 1, 0], "images.x has 4 images, but labels.x has 3 labels"),
        ([0, 1, 0.5, 0], "labels.x are not all whole numbers"),
        (np.zeros((4, 2, 2)), "labels.x holds 4 images, not labels"),
        ([], "labels.x holds no labels"),
        ([3, 3, 3, 3], "All images of made up have the label 3"),
    ],
)
def test_unfit_labels_say_what_is_wrong_and_where(labels: object, says: str) -> None:
    with pytest.raises(DataError, match=says):
        checked(GRAY, labels)


def test_two_parts_of_different_sizes_are_refused() -> None:
    parts = [
        Part(np.zeros((2, 3, 3)), np.array([0, 1]), "train.x", "l"),
        Part(np.zeros((2, 4, 3)), np.array([0, 1]), "test.x", "l"),
    ]
    with pytest.raises(DataError, match=r"train\.x are 3 × 3 pixels, but those in test\.x are 4"):
        to_dataset(Stored(parts, ""), "made up", None)


def test_samples_of_a_single_class_are_refused_before_training() -> None:
    with pytest.raises(DataError, match="first 2 images of made up are all of one class, b"):
        checked(GRAY, [1, 1, 0, 1], ("a", "b"), samples=2)


@pytest.mark.parametrize("names", [("a",), ("a", "b", "c")])
def test_a_wrong_number_of_class_names_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match=f"{len(names)} class names.*give 2 names"):
        checked(GRAY, [0, 1, 0, 1], names)


def test_class_names_cannot_command_the_terminal() -> None:
    assert checked(GRAY, [0, 1, 0, 1], ("\x1b[2J", "b")).class_names == ("?[2J", "b")


def test_a_hundred_classes_are_possible() -> None:
    assert checked(np.zeros((100, 2, 2)), range(100)).classes == 100


@pytest.mark.parametrize(
    "images",
    [
        np.array([[[0, 255]], [[51, 0]]], np.uint8),
        np.array([[[0, 255]], [[51, 0]]], np.int64),
        np.array([[[0, 255]], [[51, 0]]], np.float64),
        np.array([[[0, 1]], [[0.2, 0]]], np.float64),
        np.array([[[[0], [255]]], [[[51], [0]]]], np.uint8),
        np.array([[[[0, 255]]], [[[51, 0]]]], ">f4"),
    ],
)
def test_all_usual_ways_to_store_pixels_give_the_same_images(images: NDArray[np.generic]) -> None:
    expected = np.array([[[0, 1]], [[0.2, 0]]], np.float32)
    assert np.array_equal(checked(images, [0, 1]).images, expected)


def test_black_and_white_images_stay_black_and_white() -> None:
    bits = np.array([[[True, False]], [[False, True]]])
    assert checked(bits, [0, 1]).images.tolist() == [[[1, 0]], [[0, 1]]]
    assert checked(bits.astype(np.uint8), [0, 1]).images.tolist() == [[[1, 0]], [[0, 1]]]


def test_flat_rows_become_square_images() -> None:
    rows = np.arange(101, 119, dtype=np.uint8).reshape(2, 9)
    assert checked(rows, [0, 1]).images.shape == (2, 3, 3)


def test_labels_in_a_column_are_fine() -> None:
    assert checked(GRAY, [[0], [1], [0], [1]]).labels.tolist() == [0, 1, 0, 1]


@given(
    arrays.arrays(
        st.sampled_from([np.uint8, np.int32, np.float16, np.float64, np.bool_]),
        st.tuples(st.integers(2, 5), st.integers(1, 4), st.integers(1, 4)),
    )
)
def test_whatever_the_pixels_are_the_images_lie_in_0_to_1(images: NDArray[np.generic]) -> None:
    try:
        dataset = checked(images, np.arange(len(images)))
    except DataError:
        return
    assert dataset.images.shape == images.shape
    assert dataset.images.min() >= 0
    assert dataset.images.max() <= 1
