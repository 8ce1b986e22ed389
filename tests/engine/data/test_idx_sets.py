"""The family of MNIST in folders, as torchvision and the data sets' own pages lay them out."""

from pathlib import Path

import numpy as np
import pytest

from mnistop.engine.data.sources import absolute, describe, file_stamp, load, source_exists
from mnistop.engine.errors import DataError
from tests.helpers.data_files import (
    some_images,
    some_labels,
    unseen_of,
    write_idx,
    write_idx_pair,
)


def raw(root: Path, name: str) -> Path:
    folder = root / name / "raw"
    folder.mkdir(parents=True)
    write_idx_pair(folder, "train", 6)
    write_idx_pair(folder, "t10k", 4)
    return folder


@pytest.mark.parametrize("named", [".", "MNIST", "MNIST/raw"])
def test_torchvisions_root_is_read_from_any_of_its_folders(tmp_path: Path, named: str) -> None:
    raw(tmp_path, "MNIST")
    dataset = load(str(tmp_path / named))
    assert np.array_equal(dataset.images, some_images(6) / np.float32(255))
    assert np.array_equal(unseen_of(dataset)[0], some_images(4) / np.float32(255))


def test_a_root_with_several_data_sets_names_them(tmp_path: Path) -> None:
    folders = [raw(tmp_path, name) for name in ("FashionMNIST", "KMNIST", "MNIST")]
    says = f"{tmp_path} has 3 data sets: name one of them, as {folders[0]}, {folders[1]} or"
    with pytest.raises(DataError, match=says):
        load(str(tmp_path))


@pytest.mark.parametrize(
    ("folder", "first", "last"),
    [
        ("FashionMNIST/raw", "T-shirt/top", "Ankle boot"),
        ("fashion", "T-shirt/top", "Ankle boot"),
        ("fashion-mnist/data", "T-shirt/top", "Ankle boot"),
        ("KMNIST/raw", "o", "wo"),
        ("MNIST/raw", "0", "9"),
        ("fashion-course/raw", "0", "9"),
        ("fashion/digits", "0", "9"),
    ],
)
def test_classes_are_named_by_the_data_sets_folder(
    tmp_path: Path, folder: str, first: str, last: str
) -> None:
    place = tmp_path / folder
    place.mkdir(parents=True)
    write_idx(place / "train-images-idx3-ubyte.gz", some_images(20))
    write_idx(place / "train-labels-idx1-ubyte.gz", some_labels(20, 10))
    names = load(str(place)).class_names
    assert (names[0], names[-1], len(names)) == (first, last, 10)


def test_a_part_of_the_classes_keeps_the_first_names(tmp_path: Path) -> None:
    raw(tmp_path, "FashionMNIST")
    assert load(str(tmp_path)).class_names == ("T-shirt/top", "Trouser", "Pullover")


# --- EMNIST --------------------------------------------------------------------------------------


def write_emnist(folder: Path, name: str, labels: list[int], part: str = "train") -> Path:
    upright = some_images(len(labels), 3, 5)
    write_idx(folder / f"emnist-{name}-{part}-labels-idx1-ubyte.gz", np.array(labels, np.uint8))
    return write_idx(
        folder / f"emnist-{name}-{part}-images-idx3-ubyte.gz", upright.transpose(0, 2, 1)
    )


def test_emnist_images_stand_upright_and_a_note_says_so(tmp_path: Path) -> None:
    write_emnist(tmp_path, "digits", [0, 1, 2, 1])
    dataset = load(str(tmp_path))
    assert np.array_equal(dataset.images, some_images(4, 3, 5) / np.float32(255))
    assert dataset.images.flags["C_CONTIGUOUS"]
    assert dataset.notes == (
        "EMNIST stores its images lying on their side: they are turned upright.",
    )


def test_emnist_letters_count_from_0_and_have_their_names(tmp_path: Path) -> None:
    images = write_emnist(tmp_path, "letters", [1, 26, 2, 2])
    dataset = load(str(images))
    assert dataset.labels.tolist() == [0, 25, 1, 1]
    assert dataset.class_names == tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert "Labels are 1 to 26" in dataset.notes[1]


@pytest.mark.parametrize(
    ("name", "last"), [("balanced", "t"), ("bymerge", "t"), ("byclass", "z"), ("digits", "9")]
)
def test_emnist_classes_have_their_names_without_the_mapping_file(
    tmp_path: Path, name: str, last: str
) -> None:
    classes = {"balanced": 47, "bymerge": 47, "byclass": 62, "digits": 10}[name]
    write_emnist(tmp_path, name, list(range(classes)))
    names = load(str(tmp_path)).class_names
    assert (len(names), names[0], names[-1]) == (classes, "0", last)


def test_emnist_class_names_come_from_the_mapping_file(tmp_path: Path) -> None:
    write_emnist(tmp_path, "balanced", [0, 1, 2, 1])
    (tmp_path / "emnist-balanced-mapping.txt").write_text("0 48\n1 65 97\n2 102\n")
    assert load(str(tmp_path)).class_names == ("0", "A", "f")


def test_a_damaged_mapping_file_is_told(tmp_path: Path) -> None:
    write_emnist(tmp_path, "balanced", [0, 1, 2, 1])
    (tmp_path / "emnist-balanced-mapping.txt").write_text("0 forty-eight\n")
    with pytest.raises(DataError, match=r"emnist-balanced-mapping\.txt is damaged"):
        load(str(tmp_path))


def test_a_data_set_of_several_in_a_folder_is_named_by_the_start_of_its_files(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "EMNIST" / "raw"
    folder.mkdir(parents=True)
    write_emnist(folder, "letters", [1, 26])
    write_emnist(folder, "digits", [0, 1, 2, 1])
    write_emnist(folder, "digits", [2, 1], "test")
    digits = folder / "emnist-digits"
    with pytest.raises(DataError, match=f"has 2 data sets: .*as {digits} or .*emnist-letters"):
        load(str(tmp_path))
    dataset = load(str(digits))
    assert len(dataset) == 4
    assert unseen_of(dataset)[1].tolist() == [2, 1]
    assert describe(dataset).unseen == 2
    assert source_exists(str(digits))
    assert not source_exists(str(folder / "emnist-balanced"))
    assert absolute(str(digits)) == str(digits)
    assert [Path(name).name for name, *_ in file_stamp(str(digits))] == [
        "emnist-digits-train-images-idx3-ubyte.gz",
        "emnist-digits-test-images-idx3-ubyte.gz",
    ]


# --- QMNIST --------------------------------------------------------------------------------------


def test_the_digits_of_qmnist_are_the_first_of_eight_columns(tmp_path: Path) -> None:
    table = np.arange(48).reshape(6, 8)
    table[:, 0] = some_labels(6)
    write_idx(tmp_path / "qmnist-train-images-idx3-ubyte", some_images(6))
    write_idx(tmp_path / "qmnist-train-labels-idx2-int.gz", table.astype(np.int32))
    write_idx(tmp_path / "qmnist-test-images-idx3-ubyte.gz", some_images(4))
    write_idx(tmp_path / "qmnist-test-labels-idx2-int", table[:4].astype(np.int32))
    dataset = load(str(tmp_path))
    assert dataset.labels.tolist() == some_labels(6).tolist()
    assert unseen_of(dataset)[1].tolist() == some_labels(4).tolist()
    assert dataset.notes == ("QMNIST's labels have eight columns: the first is the digit.",)
