"""MATLAB's files, as SciPy writes them: SVHN, EMNIST, structures, classes of variables, bombs."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from mnistop.engine.data.sources import load
from mnistop.engine.errors import DataError
from tests.helpers.data_files import some_images, some_labels, unseen_of

IMAGES, LABELS = some_images(6), some_labels(6)
SCALED = IMAGES / np.float32(255)

Arrays = dict[str, Any]
packed_or_plain = pytest.mark.parametrize(
    "packed", [True, pytest.param(False, marks=pytest.mark.process)]
)


def write_mat(folder: Path, arrays: Arrays, packed: bool = True) -> str:
    savemat(folder / "some.mat", arrays, do_compression=packed)
    return str(folder / "some.mat")


def test_svhn_has_the_digit_0_as_10(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (32, 32, 3, 12), np.uint8)
    labels = np.array([*range(1, 11), 1, 10], np.uint8)
    path = Path(write_mat(tmp_path, {"X": images, "y": labels[:, None]}))
    dataset = load(str(path))
    assert np.array_equal(dataset.images, images.transpose(3, 0, 1, 2) / np.float32(255))
    assert dataset.labels.tolist() == [*range(1, 10), 0, 1, 0]
    assert "Labels are 1 to 10, as in SVHN: 10 is the digit 0." in dataset.notes


def test_parts_of_svhn_without_all_digits_have_the_same_labels(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (32, 32, 3, 10), np.uint8)
    savemat(
        tmp_path / "train_32x32.mat",
        {"X": images, "y": np.arange(1, 11)[:, None]},
        do_compression=True,
    )
    savemat(
        tmp_path / "test_32x32.mat",
        {"X": images[..., :3], "y": [[3], [10], [5]]},
        do_compression=True,
    )
    assert unseen_of(load(str(tmp_path)))[1].tolist() == [3, 0, 5]


def test_a_structure_has_its_fields(tmp_path: Path) -> None:
    images, labels = some_images(8) / 255, some_labels(8)
    parts = {
        name: {"images": images[rows].transpose(1, 2, 0), "labels": labels[rows], "count": 3.0}
        for name, rows in {"training": slice(0, 5), "test": slice(5, 8)}.items()
    }
    dataset = load(write_mat(tmp_path, parts))
    assert np.allclose(dataset.images, images[:5])
    assert unseen_of(dataset)[1].tolist() == labels[5:].tolist()


def test_emnist_for_matlab_is_turned_upright_and_counts_from_0(tmp_path: Path) -> None:
    lying = IMAGES.transpose(0, 2, 1).reshape(6, -1)
    labels = np.array([1, 2, 3, 1, 2, 26])[:, None]
    dataset = {"train": {"images": lying, "labels": labels, "writers": labels}}
    path = Path(write_mat(tmp_path, {"dataset": dataset}))
    loaded = load(str(path.rename(tmp_path / "emnist-letters.mat")))
    assert np.array_equal(loaded.images, SCALED)
    assert loaded.labels.tolist() == [0, 1, 2, 0, 1, 25]
    assert loaded.class_names[-1] == "Z"


def test_an_array_for_each_class_is_read(tmp_path: Path) -> None:
    rows = IMAGES.reshape(6, -1)
    dataset = load(
        write_mat(
            tmp_path, {"train0": rows[:2], "train1": rows[2:4], "test0": rows[4:], "test1": rows}
        )
    )
    assert dataset.labels.tolist() == [0, 0, 1, 1]
    assert np.array_equal(dataset.images, SCALED[:4])
    assert len(unseen_of(dataset)[1]) == 8


def test_rows_of_pixels_say_in_which_order_they_are_taken(tmp_path: Path) -> None:
    dataset = load(
        write_mat(tmp_path, {"fea": IMAGES.reshape(6, -1), "gnd": LABELS[:, None] + 1.0})
    )
    assert "column by column: if the images lie on their side" in dataset.notes[0]
    assert dataset.class_names == ("1", "2", "3")


def test_labels_may_be_a_cell_of_texts(tmp_path: Path) -> None:
    cell = np.array(["boot", "bag", "coat"], object)[LABELS]
    assert load(write_mat(tmp_path, {"X": IMAGES, "y": cell})).class_names == (
        "bag",
        "boot",
        "coat",
    )


def test_arrays_of_other_classes_are_named(tmp_path: Path) -> None:
    odd = np.array([1, "a"], object)
    with pytest.raises(DataError, match=r"labels in .* is neither an array of numbers nor"):
        load(write_mat(tmp_path, {"images": IMAGES, "labels": odd}))


@packed_or_plain
@pytest.mark.parametrize("kind", ["f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_all_kinds_of_numbers_are_read(tmp_path: Path, kind: str, packed: bool) -> None:
    images = (IMAGES % 2).astype(kind)
    path = write_mat(tmp_path, {"X": images, "y": LABELS.astype(kind)}, packed)
    dataset = load(path, pixel_range=(0, 1))
    assert np.array_equal(dataset.images, images)
    assert np.array_equal(dataset.labels, LABELS)


@packed_or_plain
def test_a_torn_file_is_damaged(tmp_path: Path, packed: bool) -> None:
    path = Path(write_mat(tmp_path, {"y": LABELS, "X": IMAGES}, packed))
    whole = path.read_bytes()
    for end in (100, 131, 140, 200, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:end])
        with pytest.raises(DataError, match="damaged"):
            load(str(path))


def test_a_changed_byte_in_compressed_arrays_is_damage(tmp_path: Path) -> None:
    path = Path(write_mat(tmp_path, {"X": IMAGES, "y": LABELS}))
    whole = path.read_bytes()
    for at in range(136, len(whole), 97):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(DataError, match="damaged"):
            load(str(path))


@pytest.mark.process
def test_a_type_of_numbers_that_scipy_dies_of_is_damage(tmp_path: Path) -> None:
    path = Path(write_mat(tmp_path, {"X": IMAGES, "y": LABELS}, packed=False))
    whole = bytearray(path.read_bytes())
    whole[184] = 0
    path.write_bytes(whole)
    with pytest.raises(DataError, match="damaged"):
        load(str(path))


@pytest.mark.process
def test_matlab_stores_whole_numbers_as_bytes_whatever_their_class(tmp_path: Path) -> None:
    """Images of 0.0 and 1.0 are no nearly black bytes."""
    path = Path(write_mat(tmp_path, {"X": IMAGES % 2, "y": LABELS}, packed=False))
    content = bytearray(path.read_bytes())
    assert content[144] == 9, "the class uint8"
    content[144] = 6
    path.write_bytes(content)
    dataset = load(str(path))
    assert np.array_equal(dataset.images, IMAGES % 2)


@pytest.mark.process
def test_matlabs_strings_and_tables_do_not_hinder_the_rest(tmp_path: Path) -> None:
    """As MATLAB writes `names = "digits"` into the file."""
    path = Path(write_mat(tmp_path, {"X": IMAGES, "y": LABELS}))

    def element(kind: int, content: bytes) -> bytes:
        return struct.pack("<II", kind, len(content)) + content + bytes(-len(content) % 8)

    texts = [element(1, text) for text in (b"names", b"MCOS", b"string")]
    number = element(6, struct.pack("<II", 13, 0)) + element(5, struct.pack("<ii", 6, 1))
    number = element(14, number + element(1, b"") + element(6, struct.pack("<6I", *range(6))))
    body = element(6, struct.pack("<II", 17, 0)) + b"".join(texts) + number
    path.write_bytes(path.read_bytes() + element(14, body))
    dataset = load(str(path))
    assert np.array_equal(dataset.images, SCALED)
    assert np.array_equal(dataset.labels, LABELS)


@pytest.mark.parametrize("within", [False, True])
def test_what_fills_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, within: bool
) -> None:
    monkeypatch.setattr("mnistop.engine.data.readers.opening._HARMLESS", 10_000)
    arrays = {"images": np.zeros((500, 28, 28), np.uint16), "labels": np.arange(500) % 2}
    with pytest.raises(DataError, match=r"unpacks from .* as images never do"):
        load(write_mat(tmp_path, {"train": arrays} if within else arrays))
