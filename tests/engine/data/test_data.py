"""A data source: images, labels, a split, a description."""

import subprocess
import sys
from dataclasses import FrozenInstanceError, asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from mnistop.engine.data.sources import Dataset, absolute, describe, load, loads_quickly, split
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


def test_images_to_train_on_are_not_called_all_images(tmp_path: Path) -> None:
    images, labels = np.zeros((9, 4, 4), np.uint8), np.arange(9) % 2
    images[:, 0, 0] = 255
    np.savez(tmp_path / "a.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    with pytest.raises(DataError, match="has 9 training images, and samples is 1,000: set it to"):
        load(str(tmp_path / "a.npz"), samples=1000)
    assert describe(load(str(tmp_path / "a.npz"))).given_test
    assert not describe(load(str(tmp_path / "a.npz"), 9, split="random")).given_test


@pytest.mark.parametrize(
    "pasted", ["'{}'", '"{}" ', "{}/my\\ images.npz", "{}/my\\ images.npz,{}/y.npy"]
)
def test_paths_may_be_pasted_with_quotes_and_backslashes(tmp_path: Path, pasted: str) -> None:
    for name in ("my images.npz", "y.npy"):
        (tmp_path / name).touch()
    source = pasted.replace("{}", str(tmp_path))
    there = source.strip("'\" ").replace("\\", "")
    assert absolute(source) == there
    assert absolute(there) == there
    assert absolute(f"'{tmp_path}/missing'") == f"{Path.cwd()}/'{tmp_path}/missing'"


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


@pytest.mark.process
def test_importing_the_data_sources_loads_neither_torch_nor_scikit_learn() -> None:
    code = "import mnistop.engine.data.sources, sys; "
    code += "print({'torch', 'sklearn', 'textual'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
