"""A data source: images, labels, a split, a description."""

import subprocess
import sys
from dataclasses import FrozenInstanceError, asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from mnistop.engine.config import Split
from mnistop.engine.data.preparation import to_dataset
from mnistop.engine.data.sources import Dataset, describe, load, loads_quickly, split
from mnistop.engine.data.stored import Part, Stored
from mnistop.engine.errors import DataError
from mnistop.engine.fingerprint import take_fingerprint

BUNDLED_FILE = "mnist_784_first_4502.npz"


def dataset_of(count: int) -> Dataset:
    labels = np.arange(count) % 2
    images = np.zeros((count, 2, 2), np.float32)
    fingerprint = take_fingerprint([images], labels, classes=2, black=0, white=1)
    return Dataset(images, labels, ("0", "1"), "made up", fingerprint=fingerprint)


def test_the_bundled_images_are_the_first_4502_of_mnist() -> None:
    bundled = load("bundled")
    assert len(bundled) == 4502
    assert bundled.image_shape == (28, 28)
    assert bundled.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert bundled.class_names == tuple("0123456789")
    assert bundled.images.dtype == np.float32
    assert bundled.labels.dtype == np.int64
    assert (bundled.images.min(), bundled.images.max()) == (0, 1)


def test_pixels_are_those_of_the_notebook_to_the_last_bit() -> None:
    with np.load(Path(__file__).parents[3] / "engine" / "data" / "bundled" / BUNDLED_FILE) as file:
        as_in_the_notebook = (file["images"] / 255.0).astype(np.float32)
    assert np.array_equal(load("bundled").images, as_in_the_notebook)


def test_digits_are_those_of_scikit_learn() -> None:
    images, labels = load_digits(return_X_y=True)
    digits = load("digits")
    assert np.array_equal(digits.images.reshape(-1, 64) * 16, images)
    assert np.array_equal(digits.labels, labels)


def test_digits_are_8_by_8_and_reach_from_black_to_white() -> None:
    digits = load("digits")
    assert digits.images.shape == (1797, 8, 8)
    assert (digits.images.min(), digits.images.max()) == (0, 1)
    assert digits.labels[:5].tolist() == [0, 1, 2, 3, 4]
    assert (digits.pixels.low, digits.pixels.high, digits.pixels.white) == (0, 16, 16)


def test_only_the_first_samples_are_taken_but_all_classes_are_known() -> None:
    few = load("bundled", samples=3)
    assert few.images.shape == (3, 28, 28)
    assert few.labels.tolist() == [5, 0, 4]
    assert few.classes == 10


def test_asking_for_more_samples_than_there_are_says_how_many_there_are() -> None:
    with pytest.raises(
        DataError, match=r"4,502 images, and samples is 10,000: .*--samples all.*60,000"
    ):
        load("bundled", samples=10_000)


@pytest.mark.parametrize("samples", [0, -3])
def test_asking_for_no_samples_is_refused(samples: int) -> None:
    with pytest.raises(DataError, match="must be 1 or more"):
        load("bundled", samples=samples)


def test_loading_says_what_it_loads() -> None:
    lines: list[str] = []
    load("bundled", 2, lines.append)
    assert lines == ["loading bundled"]


def test_of_the_named_sources_only_openml_takes_long(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNISTOP_CACHE", str(tmp_path))
    sources = ["bundled", "digits", "openml", "/some/folder"]
    assert [loads_quickly(source) for source in sources] == [True, True, False, True]


@pytest.mark.parametrize(
    ("name", "size", "is_quick"),
    [
        ("train.csv", 10**6, True),
        ("train.csv", 10**8, False),
        ("train.csv.gz", 10**7, False),
        ("pictures.zip", 10**8, False),
        ("images.npz", 10**8, True),
        ("train-images-idx3-ubyte.gz", 10**8, True),
    ],
)
def test_large_texts_take_long(tmp_path: Path, name: str, size: int, is_quick: bool) -> None:
    with (tmp_path / name).open("wb") as file:
        file.truncate(size)
    assert loads_quickly(str(tmp_path / name)) is is_quick
    assert loads_quickly(str(tmp_path)) is is_quick


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("opnml", "did you mean openml"),
        ("cifar", "use bundled, digits, openml or a path"),
        ("/no/such/folder", "no file or folder /no/such/folder"),
        ("no-such.npz", "no file or folder no-such.npz"),
        ("no-a.gz,no-b.gz", "no file or folder no-a.gz"),
        ("~no-such-user/mnist", "no home folder"),
        ("", "must be bundled, digits, openml or a path"),
        ("a\x1b[31m", "must be bundled"),
        ("a\0b", "must be bundled"),
        ("x" * 5000, "cannot be read"),
        ("/dev/null", "not a regular file"),
    ],
)
def test_an_unknown_source_says_what_there_is(source: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        load(source)


def test_a_data_set_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        dataset_of(2).source = "other"  # type: ignore[misc]


# --- split ---------------------------------------------------------------------------------------


@given(
    count=st.integers(2, 300),
    val_fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_split_has_the_rows_of_the_notebooks_call(
    count: int, val_fraction: float, seed: int
) -> None:
    dataset = dataset_of(count)
    rows = np.arange(count)
    try:
        train_rows, val_rows, _, val_labels = train_test_split(
            rows, dataset.labels, test_size=val_fraction, random_state=seed
        )
    except ValueError:
        with pytest.raises(DataError, match="leaves none"):
            split(dataset, val_fraction, seed)
        return
    train, val = split(dataset, val_fraction, seed)
    assert train.tolist() == train_rows.tolist()
    assert val.tolist() == val_rows.tolist()
    assert dataset.labels[val].tolist() == val_labels.tolist()
    assert train.dtype == val.dtype == np.int64


@given(count=st.integers(2, 300), val_fraction=st.floats(0.01, 0.99), seed=st.integers(0, 9))
def test_a_stratified_split_has_the_rows_of_scikit_learn(
    count: int, val_fraction: float, seed: int
) -> None:
    dataset = dataset_of(count)
    try:
        expected = train_test_split(
            np.arange(count), test_size=val_fraction, random_state=seed, stratify=dataset.labels
        )
    except ValueError:
        with pytest.raises(DataError):
            split(dataset, val_fraction, seed, stratify=True)
        return
    for rows, wanted in zip(split(dataset, val_fraction, seed, True), expected, strict=True):
        assert rows.tolist() == wanted.tolist()


def test_a_rare_class_is_on_both_sides_of_a_stratified_split_only() -> None:
    labels = np.repeat([0, 1], [980, 20])
    dataset = replace(dataset_of(1000), labels=labels)
    rare = [
        [(labels[split(dataset, 0.2, seed, stratify)[1]] == 1).sum() for seed in range(20)]
        for stratify in (False, True)
    ]
    assert len(set(rare[0])) > 1
    assert set(rare[1]) == {4}


def test_a_class_of_one_image_cannot_be_stratified() -> None:
    dataset = replace(dataset_of(10), labels=np.arange(10) // 9)
    with pytest.raises(DataError, match=r"Class 1 has 1 image only.* set stratify to off"):
        split(dataset, 0.5, 0, stratify=True)


def test_the_notebooks_split_has_800_and_200_images() -> None:
    train, val = split(load("bundled", 1000), 0.2, 42)
    assert (len(train), len(val)) == (800, 200)
    assert val[:5].tolist() == [521, 737, 740, 660, 411]


@pytest.mark.parametrize(
    ("count", "val_fraction", "says"),
    [
        (1, 0.5, "needs at least 2 images"),
        (2, 0.9, "leaves none of the 2 images to train on"),
        (10, 0.0, "above 0 and below 1, not 0"),
        (10, 1.0, "above 0 and below 1, not 1"),
        (10, float("nan"), "above 0 and below 1, not nan"),
    ],
)
def test_a_split_that_leaves_a_side_empty_says_so(
    count: int, val_fraction: float, says: str
) -> None:
    with pytest.raises(DataError, match=says):
        split(dataset_of(count), val_fraction, 0)


# --- describe ------------------------------------------------------------------------------------


def test_a_description_tells_the_facts() -> None:
    bundled = load("bundled", 1000)
    facts = describe(bundled)
    assert (facts.count, facts.image_shape) == (1000, (28, 28))
    assert str(facts.pixels) == "uint8 from 0 (black) to 255 (white)"
    assert facts.mean == pytest.approx(bundled.images.mean(dtype=np.float64))
    assert facts.std == pytest.approx(bundled.images.std(dtype=np.float64))
    assert "LeCun" in facts.provenance
    assert "CC BY-SA 3.0" in facts.provenance
    assert asdict(facts)["source"] == "bundled"


# --- what is checked in every source -------------------------------------------------------------


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
    assert note.startswith("The images of here are sorted by class: they are taken in a random")
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


@pytest.mark.process
def test_importing_the_data_sources_loads_neither_torch_nor_scikit_learn() -> None:
    code = "import mnistop.engine.data.sources, sys; "
    code += "print({'torch', 'sklearn', 'textual'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
