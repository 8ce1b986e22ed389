"""Folders with a file for each part of a data set, or several files for a part."""

import bz2
import io
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from scipy.io import savemat
from sklearn.datasets import dump_svmlight_file

from mnistop.engine.data.sources import describe, load
from mnistop.engine.errors import DataError
from tests.helpers.data_files import some_images, some_labels, unseen_of, write_idx

IMAGES, LABELS = some_images(8), some_labels(8)
SCALED = IMAGES / np.float32(255)
SEEN, TEST = slice(0, 5), slice(5, 8)


def write_parquet(path: Path, rows: slice) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"image": IMAGES[rows].tolist(), "label": LABELS[rows]}), path)


def write_torch(path: Path, rows: slice) -> None:
    torch.save((torch.tensor(IMAGES[rows]), torch.tensor(LABELS[rows])), path)


def write_mat(path: Path, rows: slice) -> None:
    savemat(
        path, {"X": IMAGES[rows].transpose(1, 2, 0), "y": LABELS[rows, None]}, do_compression=True
    )


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


@pytest.mark.parametrize("digest", ["", "-{0}b42a775f407cee4"])
def test_several_files_of_a_part_are_joined_in_order(tmp_path: Path, digest: str) -> None:
    """Hugging Face's hub once wrote a hash into each name."""
    for at, rows in enumerate([slice(0, 3), slice(3, 5)]):
        name = f"train-0000{at}-of-00002{digest.format(at)}.parquet"
        write_parquet(tmp_path / "data" / name, rows)
    name = f"validation-00000-of-00001{digest.format('c')}.parquet"
    write_parquet(tmp_path / "data" / name, TEST)
    dataset = load(str(tmp_path))
    assert np.array_equal(dataset.images, SCALED)
    assert dataset.given_validation == 3


@pytest.mark.parametrize("source", ["", "train-00001-of-00003.parquet"])
def test_files_that_are_missing_are_counted(tmp_path: Path, source: str) -> None:
    write_parquet(tmp_path / "train-00001-of-00003.parquet", SEEN)
    note = "Of the 3 files of train, only 1 is read: name a folder that has them all."
    assert note in load(str(tmp_path / source)).notes
    for at in (0, 2):
        write_parquet(tmp_path / f"train-0000{at}-of-00003.parquet", SEEN)
    assert load(str(tmp_path)).notes == ()


def test_a_lone_file_is_read(tmp_path: Path) -> None:
    write_hdf5(tmp_path / "usps.h5", slice(None))
    assert len(load(str(tmp_path))) == 8


def test_files_that_are_no_part_are_left_out_and_a_note_says_so(tmp_path: Path) -> None:
    for name, rows in {"train": SEEN, "test": TEST, "extra": SEEN}.items():
        write_mat(tmp_path / f"{name}_32x32.mat", rows)
    dataset = load(str(tmp_path))
    assert len(dataset) == 5
    assert "Not used: extra_32x32.mat." in dataset.notes


def test_several_data_sets_are_named(tmp_path: Path) -> None:
    for name in ("mnist", "usps"):
        write_parquet(tmp_path / name / "train-00000-of-00001.parquet", SEEN)
    says = f"2 files of images, of 2 data sets: name one, such as {tmp_path}/mnist/train-"
    with pytest.raises(DataError, match=says):
        load(str(tmp_path))


def write_idx_files(folder: Path) -> None:
    (folder / "MNIST/raw").mkdir(parents=True)
    for part, rows in {"train": SEEN, "t10k": TEST}.items():
        write_idx(folder / f"MNIST/raw/{part}-images-idx3-ubyte.gz", IMAGES[rows])
        write_idx(folder / f"MNIST/raw/{part}-labels-idx1-ubyte.gz", LABELS[rows])


def write_tables(folder: Path) -> None:
    for part, rows in {"train": SEEN, "test": TEST}.items():
        names = [f"pixel{at}" for at in range(16)]
        frame = pd.DataFrame(IMAGES[rows].reshape(-1, 16), columns=names)
        frame.to_csv(folder / f"X_{part}.csv", index=False)
        pd.DataFrame({"label": LABELS[rows]}).to_csv(folder / f"y_{part}.csv", index=False)


def write_arrays(folder: Path) -> None:
    for part, rows in {"train": SEEN, "test": TEST}.items():
        np.save(folder / f"x_{part}.npy", IMAGES[rows])
        np.savetxt(folder / f"y_{part}.csv", LABELS[rows], "%d")


def write_nested_arrays(folder: Path) -> None:
    for part, rows in {"train": SEEN, "test": TEST}.items():
        (folder / part).mkdir()
        np.save(folder / part / "images.npy", IMAGES[rows])
        np.save(folder / part / "labels.npy", LABELS[rows])


def write_hub_cache(folder: Path) -> None:
    """As Hugging Face's hub keeps a data set: links to files that are called by their content."""
    for place in ("blobs", "refs", "snapshots/b0ca/mnist", "snapshots/old"):
        (folder / place).mkdir(parents=True)
    (folder / "refs/main").write_text("b0ca")
    for part, rows in {"train": SEEN, "test": TEST}.items():
        write_parquet(folder / f"blobs/{part.encode().hex()}", rows)
        link = folder / f"snapshots/b0ca/mnist/{part}-00000-of-00001.parquet"
        link.symlink_to(Path("../../../blobs") / part.encode().hex())


def write_datasets_cache(folder: Path) -> None:
    """As Hugging Face's datasets keeps it, with locks beside."""
    place = folder / "ylecun___mnist/mnist/0.0.0/77f3279092a1c1579b2250db8eafed0ad422088c"
    place.mkdir(parents=True)
    for lock in (place.parent.with_suffix(".lock"), place.with_suffix("._builder.lock")):
        lock.touch()
    for part, rows in {"train": SEEN, "test": TEST}.items():
        table = pa.table({"image": IMAGES[rows].tolist(), "label": LABELS[rows]})
        with pa.ipc.new_stream(place / f"mnist-{part}.arrow", table.schema) as writer:
            writer.write_table(table)


def write_hub(folder: Path) -> None:
    write_hub_cache(folder / "hub/datasets--ylecun--mnist")
    (folder / "hub/version.txt").write_text("1")


FOLDERS = [
    write_idx_files,
    write_tables,
    write_arrays,
    write_nested_arrays,
    write_hub_cache,
    write_hub,
    write_datasets_cache,
    lambda folder: [write_parquet(folder / f"data/{p}-0.parquet", r) for p, r in PARTS.items()],
    lambda folder: [write_mat(folder / f"{p}_32x32.mat", r) for p, r in PARTS.items()],
    lambda folder: [write_libsvm(folder / f"digits{p}.bz2", r) for p, r in LIBSVM.items()],
]
PARTS = {"train": SEEN, "test": TEST}
LIBSVM = {"": SEEN, ".t": TEST}


def write_strays(folder: Path) -> None:
    """Files as people have them beside their data."""
    (folder / "history.csv").write_text("epoch,accuracy,loss,val_accuracy,val_loss\n0,1,2,3,4\n")
    (folder / "meta.csv").write_text("filename,label\na.png,1\n")
    (folder / "README.csv").write_text("What, this is\n")
    (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (folder / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / "._train.csv").write_bytes(b"\0\1")
    for plot in ("curves/loss.png", "digits/confusion.png"):
        (folder / "plots" / plot).parent.mkdir(parents=True)
        Image.fromarray(IMAGES[0]).save(folder / "plots" / plot)


def check_parts(source: Path) -> tuple[str, ...]:
    dataset = load(str(source))
    assert np.array_equal(dataset.images, SCALED[SEEN])
    assert np.array_equal(unseen_of(dataset)[0], SCALED[TEST])
    assert unseen_of(dataset)[1].tolist() == LABELS[TEST].tolist()
    assert str(source) in dataset.provenance
    return dataset.notes


def zip_folder(folder: Path, path: Path, separator: str = "/") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                name = str(file.relative_to(folder)).replace("/", separator)
                archive.writestr(zipfile.ZipInfo(name), file.read_bytes())
    return path


@pytest.mark.parametrize("write", FOLDERS)
def test_a_folder_and_a_zip_of_it_are_read_whatever_lies_beside(tmp_path: Path, write: Any) -> None:
    folder = tmp_path / "mein Ordner ü"
    folder.mkdir()
    write(folder)
    check_parts(folder)
    check_parts(zip_folder(folder, tmp_path / "a b.zip"))
    check_parts(zip_folder(folder, tmp_path / "windows.zip", "\\"))
    (tmp_path / "link").symlink_to(folder)
    check_parts(tmp_path / "link")
    if write not in (write_hub_cache, write_hub, write_datasets_cache):
        write_strays(folder)
        os.mkfifo(folder / "agent.csv")
        (notes,) = {check_parts(folder)[-1]}
        assert "history.csv, meta.csv" in notes


def test_a_folder_in_a_folder_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "archive (1)/mnist/digits"
    folder.mkdir(parents=True)
    write_arrays(folder)
    (tmp_path / ".DS_Store").touch()
    (tmp_path / "__MACOSX").mkdir()
    check_parts(tmp_path)


def test_models_beside_the_data_are_not_used(tmp_path: Path) -> None:
    np.savez(tmp_path / "mnist.npz", x_train=IMAGES, y_train=LABELS)
    torch.save({"fc.weight": torch.zeros(3)}, tmp_path / "mnist_cnn.pt")
    h5py.File(tmp_path / "model.weights.h5", "w").close()
    dataset = load(str(tmp_path))
    assert np.array_equal(dataset.images, SCALED)
    assert dataset.notes[-1] == "Not used: mnist_cnn.pt, model.weights.h5."


def test_a_file_both_plain_and_packed_is_read_once(tmp_path: Path) -> None:
    write_libsvm(tmp_path / "mnist.bz2", SEEN)
    (tmp_path / "mnist").write_bytes(bz2.decompress((tmp_path / "mnist.bz2").read_bytes()))
    dataset = load(str(tmp_path))
    assert len(dataset) == 5
    assert dataset.notes[-1] == "Not used: mnist.bz2."


def test_files_for_the_same_part_ask_for_one(tmp_path: Path) -> None:
    for name in ("train.parquet", "training.parquet"):
        write_parquet(tmp_path / name, SEEN)
    says = "2 files of training images, train.parquet, training.parquet: name one, or number"
    with pytest.raises(DataError, match=says):
        load(str(tmp_path))


def test_the_test_part_of_a_smaller_training_part_is_found(tmp_path: Path) -> None:
    write_parquet(tmp_path / "mnist_train_small.parquet", SEEN)
    write_parquet(tmp_path / "mnist_test.parquet", TEST)
    write_parquet(tmp_path / "california_housing_test.parquet", TEST)
    assert check_parts(tmp_path)[-1] == "Not used: california_housing_test.parquet."


def test_a_folder_of_a_test_part_says_so(tmp_path: Path) -> None:
    write_parquet(tmp_path / "test.parquet", SEEN)
    assert "models are trained on others of its images" in load(str(tmp_path)).notes[-1]


def test_data_sets_are_told_apart_by_the_words_in_their_names(tmp_path: Path) -> None:
    for name in ("emnist-letters", "emnist-digits"):
        for part, rows in PARTS.items():
            write_parquet(tmp_path / f"{name}-{part}.parquet", rows)
    with pytest.raises(DataError, match="4 files of images, of 2 data sets"):
        load(str(tmp_path))


def test_pictures_that_are_not_used_are_told(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    for name in ("a/1.png", "b/2.png"):
        (folder / name).parent.mkdir(parents=True)
        Image.fromarray(IMAGES[0]).save(folder / name)
    write_arrays(folder)
    for source in (folder, zip_folder(folder, tmp_path / "a.zip")):
        assert check_parts(source)[-1] == "Not used: 2 pictures."


def test_a_browsers_number_in_a_name_does_not_matter(tmp_path: Path) -> None:
    write_idx_files(tmp_path)
    for path in (tmp_path / "MNIST/raw").glob("*labels*"):
        path.rename(path.with_name(path.name.replace("ubyte", "ubyte (1)")))
    for path in (tmp_path / "MNIST/raw").glob("train-images*"):
        path.rename(path.with_name(path.name.replace("ubyte", "ubyte (1)")))
    for path in (tmp_path / "MNIST/raw").glob("t10k-labels*"):
        path.rename(path.with_name(path.name.replace(" (1)", "")))
    check_parts(tmp_path)
    for path in (tmp_path / "MNIST/raw").glob("t10k-images*"):
        path.rename(path.with_name(path.name.replace("ubyte", "ubyte(2)")))
    check_parts(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.pkl.gz", b"\x80\x04x", r"a\.pkl\.gz in it is a Python pickle, .*: unpack it and name"),
        ("a.json", b"{}", r"a\.json in it is a JSON file: unpack it and name what is in it"),
        ("1.png", b"\x89PNG", r"has pictures, such as 1\.png, but not in folders of two classes"),
        ("a.txt", b"hello", "neither IDX files .*: unpack it and name what is in it"),
    ],
)
def test_a_zip_without_data_names_what_is_in_it(
    tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(content)
    with pytest.raises(DataError, match=says):
        load(str(zip_folder(tmp_path / "in", tmp_path / "a.zip")))


def test_what_is_missing_in_a_zip_is_named_as_in_it(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write_idx(tmp_path / "in/train-images-idx3-ubyte", IMAGES)
    says = r"a.zip/train-images-idx3-ubyte comes without labels: put train-labels-idx1-ubyte"
    with pytest.raises(DataError, match=says):
        load(str(zip_folder(tmp_path / "in", tmp_path / "a.zip")))


def test_a_zip_that_does_not_fit_on_the_disk_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    write_arrays(tmp_path / "in")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(9, 9, 9))
    with pytest.raises(DataError, match="has no room: unpack it elsewhere, and name the folder"):
        load(str(zip_folder(tmp_path / "in", tmp_path / "a.zip")))


def test_labels_missing_in_a_part_keep_their_classes(tmp_path: Path) -> None:
    write_torch(tmp_path / "train.pt", SEEN)
    torch.save((torch.tensor(IMAGES[:2]), torch.tensor([2, 2])), tmp_path / "test.pt")
    assert unseen_of(load(str(tmp_path)))[1].tolist() == [2, 2]


def test_notes_are_no_more_than_a_run_records(tmp_path: Path) -> None:
    flat = {"X": IMAGES.reshape(8, -1), "y": LABELS}
    for at in range(12):
        savemat(tmp_path / f"train-{at:04}-of-00012.mat", flat, do_compression=True)
        savemat(tmp_path / f"\x1b[31m{'x' * 200}{at}.mat", flat, do_compression=True)
    dataset = load(str(tmp_path))
    assert len(dataset.notes) == 5
    assert dataset.notes[-1].count("are taken line by line") > 1
    assert dataset.notes[-1][-1] == "…"
    assert all(len(note) <= 1000 and note.isprintable() for note in dataset.notes)


def test_files_beside_many_others_are_found(tmp_path: Path) -> None:
    for at in range(400):
        (tmp_path / f"about_{at}.txt").touch()
    write_arrays(tmp_path)
    check_parts(tmp_path)


def test_a_damaged_part_is_not_left_out(tmp_path: Path) -> None:
    for part in ("train", "test"):
        np.savez(tmp_path / f"{part}.npz", images=IMAGES, labels=LABELS)
    (tmp_path / "test.npz").write_bytes((tmp_path / "test.npz").read_bytes()[:-100])
    with pytest.raises(DataError, match=r"test\.npz is not an \.npz file, or is cut off"):
        load(str(tmp_path))


def test_a_download_that_has_not_finished_says_so(tmp_path: Path) -> None:
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "blobs").mkdir()
    with pytest.raises(DataError, match="has no finished download: get the data set again"):
        load(str(tmp_path))
