"""NumPy's files: all usual names of arrays, nothing pickled, every damage told."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mnistop.engine.data.sources import load, split
from mnistop.engine.errors import DataError
from tests.helpers.data_files import some_images, some_labels, unseen_of

IMAGES, LABELS = some_images(6), some_labels(6)

same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def save(folder: Path, **arrays: Any) -> str:
    path = folder / "some.npz"
    np.savez_compressed(path, **arrays)
    return str(path)


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("images", "labels"),
        ("x_train", "y_train"),
        ("X_train", "y_train"),
        ("x", "y"),
        ("X", "y"),
        ("data", "target"),
        ("train_images", "train_labels"),
        ("trainX", "trainY"),
        ("train_set_x", "train_set_y"),
        ("imgs", "targets"),
        ("mnist_train_data", "mnist_train_label"),
    ],
)
def test_arrays_of_the_usual_names_are_found(tmp_path: Path, images: str, labels: str) -> None:
    dataset = load(save(tmp_path, other=np.zeros(3), **{images: IMAGES, labels: LABELS}))
    assert np.array_equal(dataset.images, IMAGES / np.float32(255))
    assert dataset.labels.tolist() == LABELS.tolist()


def test_test_arrays_stay_unseen(tmp_path: Path) -> None:
    source = save(
        tmp_path, x_test=IMAGES[4:], y_test=LABELS[4:], x_train=IMAGES[:4], y_train=LABELS[:4]
    )
    dataset = load(source)
    assert np.array_equal(dataset.images, IMAGES[:4] / np.float32(255))
    assert np.array_equal(unseen_of(dataset)[0], IMAGES[4:] / np.float32(255))
    assert unseen_of(dataset)[1].tolist() == LABELS[4:].tolist()


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64])
def test_unseen_images_are_scaled_as_the_others(tmp_path: Path, dtype: type) -> None:
    source = save(tmp_path, images=IMAGES.astype(dtype), labels=LABELS)
    whole = load(source).images
    for samples in (2, 4):
        assert np.array_equal(unseen_of(load(source, samples))[0], whole[samples:])


def test_medmnist_validates_on_its_own_validation_images(tmp_path: Path) -> None:
    halves = {"val": slice(3, 4), "train": slice(0, 3), "test": slice(4, 6)}
    arrays = {f"{half}_images": IMAGES[rows] for half, rows in halves.items()} | {
        f"{half}_labels": LABELS[rows, None] for half, rows in halves.items()
    }
    source = save(tmp_path, **arrays)
    for samples in (2, 3, None):
        dataset = load(source, samples)
        train, val = split(dataset, 0.5, 0)
        assert sorted(dataset.labels[train]) == sorted(LABELS[: samples or 3])
        assert dataset.labels[val].tolist() == LABELS[3:4].tolist()
        assert dataset.samples == (samples or 3)
        assert unseen_of(dataset)[1].tolist() == LABELS[4:].tolist()
    joined = load(source, split="random")
    assert joined.labels.tolist() == LABELS[:4].tolist()
    assert joined.given_validation == 0


def test_images_along_the_last_axis_are_taken_along_it(tmp_path: Path) -> None:
    dataset = load(save(tmp_path, X=IMAGES.transpose(1, 2, 0), Y=np.eye(3)[LABELS].T))
    assert np.array_equal(dataset.images, IMAGES / np.float32(255))
    assert dataset.labels.tolist() == LABELS.tolist()
    assert "X is 4 × 4 × n: its last axis counts" in dataset.notes[0]


def test_class_names_may_be_in_the_file(tmp_path: Path) -> None:
    names = np.array(["top", "boot", "bag"])
    source = save(tmp_path, images=IMAGES, labels=LABELS, class_names=names)
    dataset = load(source)
    assert dataset.class_names == ("top", "boot", "bag")
    assert not dataset.notes


@pytest.mark.parametrize("names", [np.array([1, 2, 3]), np.array([["a", "b", "c"]])])
def test_class_names_that_are_no_texts_are_told(tmp_path: Path, names: NDArray[Any]) -> None:
    source = save(tmp_path, images=IMAGES, labels=LABELS, class_names=names)
    with pytest.raises(DataError, match=r"class_names in .* is not a list of texts"):
        load(source)


def test_a_file_of_a_lone_array_finds_its_labels_as_kmnist_names_them(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "kmnist-train-imgs.npz", IMAGES)
    np.savez_compressed(tmp_path / "kmnist-train-labels.npz", LABELS)
    dataset = load(str(tmp_path / "kmnist-train-imgs.npz"))
    assert dataset.labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_pair_of_npy_files_is_fine(tmp_path: Path, order: Any) -> None:
    np.save(tmp_path / "a.npy", np.asarray(IMAGES, order=order))
    np.savez(tmp_path / "b.npz", LABELS)
    dataset = load(f"{tmp_path / 'a.npy'},{tmp_path / 'b.npz'}")
    assert np.array_equal(dataset.images, IMAGES / np.float32(255))


def test_an_array_without_labels_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="comes without labels: name both files"):
        load(save(tmp_path, only=IMAGES))


def test_unknown_names_are_listed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="only left, right: call them images and labels"):
        load(save(tmp_path, left=IMAGES, right=LABELS))
    with pytest.raises(DataError, match=r"a7 and 12 more"):
        load(save(tmp_path, **{f"a{index}": LABELS for index in range(20)}))


def test_several_arrays_cannot_be_half_of_a_pair(tmp_path: Path) -> None:
    both = save(tmp_path, images=IMAGES, labels=LABELS)
    with pytest.raises(DataError, match="has several arrays, images, labels"):
        load(f"{both},{both}")


def test_pickled_objects_are_never_opened(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return (Path.touch, (tmp_path / "sprung",))  # type: ignore[return-value]

    traps = np.array([Trap()] * 6, dtype=object)
    with pytest.raises(DataError, match=r"images in .* pickled Python objects"):
        load(save(tmp_path, images=traps, labels=LABELS))
    np.save(tmp_path / "images.npy", traps)
    np.save(tmp_path / "labels.npy", LABELS)
    with pytest.raises(DataError, match="pickled Python objects"):
        load(str(tmp_path / "images.npy"))
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "is empty"), (b"not a zip", "is not an .npz file"), (b"PK\x03\x04", "cut off")],
)
def test_what_is_no_npz_is_told(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "some.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=says):
        load(str(path))


def test_class_names_that_are_pickled_are_to_be_texts(tmp_path: Path) -> None:
    names = np.array(["top", "boot", "bag"], object)
    with pytest.raises(DataError, match=r"class_names in .*: save it as an array of texts"):
        load(save(tmp_path, images=IMAGES, labels=LABELS, class_names=names))


def test_a_zip_of_other_files_is_to_be_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("train.pdf", b"%PDF")
    says = r"train\.pdf in it is a PDF document: unpack it and name what is in it"
    with pytest.raises(DataError, match=says):
        load(str(tmp_path / "archive.zip"))


@pytest.mark.parametrize("shape", [(10**12, 28, 28), (5, 4, 4), (7, 4, 4), (-1, 4, 4)])
def test_a_header_that_claims_another_size_is_told(tmp_path: Path, shape: Any) -> None:
    np.save(tmp_path / "images.npy", IMAGES)
    np.save(tmp_path / "labels.npy", LABELS)
    header = repr({"descr": "|u1", "fortran_order": False, "shape": shape}).ljust(117) + "\n"
    content = b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header.encode()
    content += IMAGES.tobytes()
    (tmp_path / "images.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"is damaged: its header promises .* bytes, and 96 are"):
        load(str(tmp_path / "images.npy"))
    with zipfile.ZipFile(tmp_path / "both.npz", "w") as archive:
        archive.writestr("images.npy", content)
        archive.write(tmp_path / "labels.npy", "labels.npy")
    with pytest.raises(DataError, match=r"images in .* is damaged: its header promises"):
        load(str(tmp_path / "both.npz"))


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_a_file_cut_off_anywhere_is_noticed(tmp_path: Path, suffix: str) -> None:
    np.save(tmp_path / "labels.npy", LABELS)
    path = tmp_path / f"images.{suffix}"
    if suffix == "npy":
        np.save(path, IMAGES)
    else:
        np.savez_compressed(path, images=IMAGES, labels=LABELS)
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(DataError):
            load(str(path))


def whole_file(compressed: bool) -> bytes:
    file = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(file, images=IMAGES, labels=LABELS)
    return file.getvalue()


WHOLE_FILES = {compressed: whole_file(compressed) for compressed in (False, True)}


@same_folder
@given(st.data(), st.booleans())
def test_a_damaged_file_raises_nothing_else(
    tmp_path: Path, data: st.DataObject, compressed: bool
) -> None:
    path = tmp_path / "some.npz"
    content = bytearray(WHOLE_FILES[compressed])
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content))
    try:
        dataset = load(str(path))
    except DataError:
        return
    assert len(dataset) == 6


@same_folder
@given(st.binary(max_size=80), st.sampled_from([b"", b"PK\x03\x04", b"\x93NUMPY\1\0", b"PK\5\6"]))
def test_random_bytes_raise_nothing_else(tmp_path: Path, content: bytes, start: bytes) -> None:
    path = tmp_path / "some.npz"
    path.write_bytes(start + content)
    with pytest.raises(DataError):
        load(str(path))


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(400_000, 28, 28), (100, 1772, 1772)])
def test_a_zip_bomb_is_refused_by_its_header(tmp_path: Path, shape: tuple[int, ...]) -> None:
    bomb = tmp_path / "bomb.npz"
    header = io.BytesIO()
    fields = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, fields)
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("images.npy", "w") as file:
            file.write(header.getvalue())
            for _ in range(shape[0] // 100):
                file.write(bytes(100 * shape[1] * shape[2]))
        with archive.open("labels.npy", "w") as file:
            np.save(file, np.arange(shape[0]) % 10)
    with pytest.raises(DataError, match=r"images in .* unpacks from .* as images never do"):
        load(str(bomb))


# --- folders -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        "x_train y_train x_test y_test",
        "X_train Y_train X_test Y_test",
        "train_images train_labels test_images test_labels",
        "train-x train-y test-x test-y",
        "kmnist-train-imgs kmnist-train-labels kmnist-test-imgs kmnist-test-labels",
    ],
)
@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_files_of_one_array_are_found_by_their_usual_names(
    tmp_path: Path, names: str, ending: str
) -> None:
    write = np.save if ending == "npy" else np.savez
    halves = IMAGES[:4], LABELS[:4], IMAGES[4:], LABELS[4:]
    for name, array in zip(names.split(), halves, strict=True):
        write(tmp_path / f"{name}.{ending}", array)
    (tmp_path / "about.txt").write_text("digits")
    dataset = load(str(tmp_path))
    assert np.array_equal(dataset.images, IMAGES[:4] / np.float32(255))
    assert unseen_of(dataset)[1].tolist() == LABELS[4:].tolist()


@pytest.mark.parametrize("names", ["X y", "images labels", "data target", "x_train y_train"])
def test_a_folder_of_two_arrays_is_found(tmp_path: Path, names: str) -> None:
    for name, array in zip(names.split(), (IMAGES, LABELS), strict=True):
        np.save(tmp_path / f"{name}.npy", array)
    assert load(str(tmp_path)).labels.tolist() == LABELS.tolist()


def test_a_folder_of_files_with_images_and_labels_is_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "train.npz", images=IMAGES[:4], labels=LABELS[:4])
    assert load(str(tmp_path)).labels.tolist() == LABELS[:4].tolist()
    np.savez(tmp_path / "test.npz", images=IMAGES[4:], labels=LABELS[4:])
    assert unseen_of(load(str(tmp_path)))[1].tolist() == LABELS[4:].tolist()
