"""MATLAB's, HDF5 and PyTorch files, as the libraries write them that people use."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from scipy.io import savemat

from mnistop.engine.data.sources import load
from mnistop.engine.errors import DataError
from tests.helpers.data_files import some_images, some_labels, unseen_of

IMAGES, LABELS = some_images(6), some_labels(6)
SCALED = IMAGES / np.float32(255)

Arrays = dict[str, Any]


def write_mat(folder: Path, arrays: Arrays) -> str:
    savemat(folder / "some.mat", arrays, do_compression=True)
    return str(folder / "some.mat")


def write_old_mat(folder: Path, arrays: Arrays) -> str:
    flat = {name: np.reshape(array, (len(array), -1)) for name, array in arrays.items()}
    savemat(folder / "some.mat", flat, format="4")
    return str(folder / "some.mat")


def write_new_mat(folder: Path, arrays: Arrays) -> str:
    """As MATLAB with `-v7.3`: HDF5 behind 512 bytes of its own, and axes the other way round."""
    path = folder / "some.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            file[name] = np.transpose(array)
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    return str(path)


def write_hdf5(folder: Path, arrays: Arrays) -> str:
    with h5py.File(folder / "some.h5", "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array, compression="gzip")
    return str(folder / "some.h5")


def write_torch(folder: Path, arrays: Arrays) -> str:
    torch.save({name: torch.tensor(array) for name, array in arrays.items()}, folder / "some.pt")
    return str(folder / "some.pt")


WRITERS = [write_mat, write_old_mat, write_new_mat, write_hdf5, write_torch]
Writer = Callable[[Path, Arrays], str]


@pytest.mark.parametrize("write", WRITERS)
def test_images_and_labels_of_usual_names_are_read(tmp_path: Path, write: Writer) -> None:
    dataset = load(write(tmp_path, {"X": IMAGES, "y": LABELS[:, None]}))
    assert np.array_equal(dataset.images, SCALED)
    assert dataset.labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize("write", WRITERS)
def test_test_images_stay_unseen(tmp_path: Path, write: Writer) -> None:
    arrays = {"x_test": IMAGES[4:], "y_test": LABELS[4:], "x_train": IMAGES[:4]}
    dataset = load(write(tmp_path, arrays | {"y_train": LABELS[:4]}))
    assert np.array_equal(dataset.images, SCALED[:4])
    assert np.array_equal(unseen_of(dataset)[0], SCALED[4:])
    assert unseen_of(dataset)[1].tolist() == LABELS[4:].tolist()


@pytest.mark.parametrize("write", WRITERS)
def test_unknown_names_are_listed(tmp_path: Path, write: Writer) -> None:
    with pytest.raises(DataError, match=r"only .*left, right"):
        load(write(tmp_path, {"left": IMAGES, "right": LABELS}))


@pytest.mark.parametrize("write", WRITERS)
def test_images_along_the_last_axis_are_taken_along_it_and_a_note_says_so(
    tmp_path: Path, write: Writer
) -> None:
    rows = IMAGES.reshape(6, -1)
    dataset = load(write(tmp_path, {"data": rows.T, "label": LABELS[:, None].astype(float)}))
    assert np.array_equal(dataset.images, SCALED)
    assert "data is 16 × n: its last axis" in dataset.notes[0]


@pytest.mark.parametrize("write", WRITERS)
def test_a_file_cut_off_anywhere_says_so(tmp_path: Path, write: Writer) -> None:
    path = Path(write(tmp_path, {"images": IMAGES, "labels": LABELS}))
    content = path.read_bytes()
    for end in range(0, len(content) - 1, len(content) // 40):
        path.write_bytes(content[:end])
        with pytest.raises(DataError):
            load(str(path))


@pytest.mark.parametrize("write", [write_mat, write_old_mat, write_hdf5, write_torch])
def test_changed_bytes_give_a_sentence_or_images(tmp_path: Path, write: Writer) -> None:
    path = Path(write(tmp_path, {"images": IMAGES, "labels": LABELS}))
    content = path.read_bytes()
    random = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(content)
        for place in random.integers(0, len(content), 3):
            damaged[place] = random.integers(256)
        path.write_bytes(damaged)
        with contextlib.suppress(DataError):
            load(str(path))


@pytest.mark.parametrize("write", [write_mat, write_new_mat, write_hdf5])
def test_images_and_labels_may_be_in_two_files(tmp_path: Path, write: Writer) -> None:
    sources = []
    for name, array in {"x": IMAGES, "y": LABELS.reshape(-1, 1, 1, 1)}.items():
        (tmp_path / name).mkdir()
        sources.append(write(tmp_path / name, {name: array}))
    dataset = load(",".join(sources))
    assert np.array_equal(dataset.images, SCALED)
    assert dataset.labels.tolist() == LABELS.tolist()
    with pytest.raises(DataError, match="comes without labels: name both files"):
        load(sources[0])


# --- HDF5 ----------------------------------------------------------------------------------------


def test_usps_has_groups(tmp_path: Path) -> None:
    unit = IMAGES.reshape(6, -1) / 255
    arrays = {"train/data": unit[:4], "train/target": LABELS[:4].astype(np.int64)}
    arrays |= {"test/data": unit[4:], "test/target": LABELS[4:].astype(np.int64)}
    dataset = load(write_hdf5(tmp_path, arrays))
    assert np.allclose(dataset.images, SCALED[:4])
    assert unseen_of(dataset)[1].tolist() == LABELS[4:].tolist()


def test_texts_are_labels(tmp_path: Path) -> None:
    names = np.array(["boot", "bag", "coat"], dtype=object)[LABELS]
    dataset = load(write_hdf5(tmp_path, {"images": IMAGES, "labels": names}))
    assert dataset.class_names == ("bag", "boot", "coat")


def test_a_missing_library_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_hdf5(tmp_path, {"images": IMAGES, "labels": LABELS})
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(DataError, match=r"needs h5py: pip install 'mnistop\[hdf5\]'"):
        load(path)


def test_images_larger_than_the_memory_are_not_tried(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "large.h5", "w") as file:
        file.create_dataset("images", (10**10, 28, 28), np.uint8, chunks=(1000, 28, 28))
        file["labels"] = LABELS
    with pytest.raises(DataError, match="not enough memory"):
        load(str(tmp_path / "large.h5"))


def test_blocks_that_were_never_written_are_no_images(tmp_path: Path) -> None:
    for path, chunks in ((tmp_path / "a.h5", (2, 4, 4)), (tmp_path / "b.h5", None)):
        with h5py.File(path, "w") as file:
            images = file.create_dataset("images", IMAGES.shape, np.uint8, chunks=chunks)
            file["labels"] = LABELS
            if chunks:
                images[:3] = IMAGES[:3]
        says = "1 of 3 blocks" if chunks else "1 of 1 blocks"
        with pytest.raises(DataError, match=f"{says} of images in .* have never been written"):
            load(str(path))


def test_packed_blocks_that_fill_the_memory_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnistop.engine.data.readers.opening._HARMLESS", 10_000)
    with pytest.raises(DataError, match="as images never do"):
        load(write_hdf5(tmp_path, {"images": np.zeros((6000, 28, 28)), "labels": LABELS}))


def test_an_array_of_two_names_has_both_and_links_may_lead_back(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a"], file["labels"] = IMAGES, LABELS
        file["images"] = file["a"]
        file.create_group("more")["back"] = file["/"]
    dataset = load(str(tmp_path / "a.h5"))
    assert np.array_equal(dataset.images, SCALED)
    assert dataset.notes == (f"Not used in {tmp_path}/a.h5: a.",)


@pytest.mark.parametrize("how", ["external", "virtual", "external link", "link"])
def test_hdf5_does_not_open_other_files(tmp_path: Path, how: str) -> None:
    (tmp_path / "secret").write_bytes(IMAGES.tobytes())
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["labels"] = LABELS
        if how == "external":
            parts = [(str(tmp_path / "secret"), 0, IMAGES.nbytes)]
            file.create_dataset("images", IMAGES.shape, np.uint8, external=parts)
        elif how == "external link":
            file["images"] = h5py.ExternalLink(str(tmp_path / "b.h5"), "images")
        elif how == "link":
            file["images"], file["real"] = h5py.SoftLink("/real"), IMAGES
        else:
            layout = h5py.VirtualLayout(IMAGES.shape, np.uint8)
            layout[:] = h5py.VirtualSource(str(tmp_path / "b.h5"), "images", IMAGES.shape)
            file.create_virtual_dataset("images", layout)
    with pytest.raises(DataError, match=r"images in .* is a link, or kept in other files"):
        load(str(tmp_path / "a.h5"))
