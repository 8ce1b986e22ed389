"""Folders with a file for each part of a data set, or several files for a part."""

import bz2
import io
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from scipy.io import savemat
from sklearn.datasets import dump_svmlight_file

from mnistop.engine.data.sources import describe, load
from mnistop.engine.errors import DataError
from tests.helpers.data_files import some_images, some_labels, unseen_of

IMAGES, LABELS = some_images(8), some_labels(8)
SCALED = IMAGES / np.float32(255)
SEEN, TEST = slice(0, 5), slice(5, 8)


def write_parquet(path: Path, rows: slice) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"image": IMAGES[rows].tolist(), "label": LABELS[rows]}), path)


def write_torch(path: Path, rows: slice) -> None:
    torch.save((torch.tensor(IMAGES[rows]), torch.tensor(LABELS[rows])), path)


def write_mat(path: Path, rows: slice) -> None:
    savemat(path, {"X": IMAGES[rows].transpose(1, 2, 0), "y": LABELS[rows, None]})


def write_hdf5(path: Path, rows: slice) -> None:
    with h5py.File(path, "w") as file:
        file["images"], file["labels"] = IMAGES[rows], LABELS[rows]


def write_libsvm(path: Path, rows: slice) -> None:
    content = io.BytesIO()
    images = IMAGES[rows].reshape(-1, 16).astype(float)
    dump_svmlight_file(images, LABELS[rows], content, zero_based=False)
    path.write_bytes(bz2.compress(content.getvalue()))


@pytest.mark.parametrize(
    ("write", "train", "test"),
    [
        (write_parquet, "train-00000-of-00001.parquet", "test-00000-of-00001.parquet"),
        (write_parquet, "mnist/train-00000-of-00001.parquet", "mnist/test-00000-of-00001.parquet"),
        (write_parquet, "train/0000.parquet", "test/0000.parquet"),
        (write_torch, "training.pt", "test.pt"),
        (write_mat, "train_32x32.mat", "test_32x32.mat"),
        (write_hdf5, "digits_train.h5", "digits_test.h5"),
        (write_libsvm, "mnist.scale.bz2", "mnist.scale.t.bz2"),
    ],
)
def test_a_file_for_each_part_is_read(tmp_path: Path, write: Any, train: str, test: str) -> None:
    write(tmp_path / train, SEEN)
    write(tmp_path / test, TEST)
    (tmp_path / "README.md").write_text("digits, by hand\n")
    dataset = load(str(tmp_path))
    assert np.array_equal(dataset.images, SCALED[SEEN])
    assert np.array_equal(unseen_of(dataset)[0], SCALED[TEST])
    assert unseen_of(dataset)[1].tolist() == LABELS[TEST].tolist()
    assert describe(dataset).unseen == 3


def test_several_files_of_a_part_are_joined_in_order(tmp_path: Path) -> None:
    for at, rows in enumerate([slice(0, 3), slice(3, 5)]):
        write_parquet(tmp_path / f"data/train-0000{at}-of-00002.parquet", rows)
    write_parquet(tmp_path / "data/validation-00000-of-00001.parquet", TEST)
    dataset = load(str(tmp_path))
    assert np.array_equal(dataset.images, SCALED)
    assert dataset.given_validation == 3


def test_a_lone_file_is_read(tmp_path: Path) -> None:
    write_hdf5(tmp_path / "usps.h5", slice(None))
    assert len(load(str(tmp_path))) == 8


def test_files_that_are_no_part_are_left_out_and_a_note_says_so(tmp_path: Path) -> None:
    for name, rows in {"train": SEEN, "test": TEST, "extra": SEEN}.items():
        write_mat(tmp_path / f"{name}_32x32.mat", rows)
    dataset = load(str(tmp_path))
    assert len(dataset) == 5
    assert "Not read, as no part of the data set by name: extra_32x32.mat." in dataset.notes


def test_several_data_sets_are_named(tmp_path: Path) -> None:
    for name in ("mnist", "usps"):
        write_parquet(tmp_path / name / "train-00000-of-00001.parquet", SEEN)
    says = f"2 files of images, 2 data sets: name one, such as {tmp_path}/mnist/train-"
    with pytest.raises(DataError, match=says):
        load(str(tmp_path))


def test_labels_missing_in_a_part_keep_their_classes(tmp_path: Path) -> None:
    write_torch(tmp_path / "train.pt", SEEN)
    torch.save((torch.tensor(IMAGES[:2]), torch.tensor([2, 2])), tmp_path / "test.pt")
    assert unseen_of(load(str(tmp_path)))[1].tolist() == [2, 2]


def test_notes_are_no_more_than_a_run_records(tmp_path: Path) -> None:
    flat = {"X": IMAGES.reshape(8, -1), "y": LABELS}
    for at in range(12):
        savemat(tmp_path / f"train-{at:04}-of-00012.mat", flat)
        savemat(tmp_path / f"\x1b[31m{'x' * 200}{at}.mat", flat)
    dataset = load(str(tmp_path))
    assert len(dataset.notes) == 5
    assert dataset.notes[-1] == "9 more notes are left out."
    assert all(len(note) <= 1000 and note.isprintable() for note in dataset.notes)
