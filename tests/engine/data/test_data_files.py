"""Files behind a path: folders, single files and pairs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import describe, file_stamp, load, load_data
from mnistop.engine.errors import DataError, TooFewImagesError
from tests.helpers.data_files import some_images, some_labels, unseen_of, write_idx, write_idx_pair


@pytest.mark.parametrize("separator", ["-", "."])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_the_official_names_are_found_in_a_folder(
    tmp_path: Path, separator: str, suffix: str
) -> None:
    write_idx(tmp_path / f"train-images{separator}idx3-ubyte{suffix}", some_images(6, 3, 5))
    write_idx(tmp_path / f"train-labels{separator}idx1-ubyte{suffix}", some_labels(6))
    dataset = load(str(tmp_path))
    assert np.array_equal(dataset.images, some_images(6, 3, 5) / np.float32(255))
    assert dataset.labels.tolist() == [0, 1, 2, 0, 1, 2]


def test_the_test_images_of_a_folder_stay_unseen(tmp_path: Path) -> None:
    write_idx_pair(tmp_path, "t10k", 4)
    write_idx_pair(tmp_path, "train", 6)
    dataset = load(str(tmp_path))
    assert np.array_equal(dataset.images, some_images(6) / np.float32(255))
    assert unseen_of(dataset)[0].tolist() == (some_images(4) / np.float32(255)).tolist()
    assert unseen_of(dataset)[1].tolist() == some_labels(4).tolist()
    assert describe(dataset).unseen == 4
    assert "t10k-images-idx3-ubyte" in describe(dataset).provenance


def test_a_random_split_takes_more_samples_from_the_test_images(tmp_path: Path) -> None:
    write_idx_pair(tmp_path, "t10k", 4)
    write_idx_pair(tmp_path, "train", 6)
    every = np.concatenate([some_images(6), some_images(4)]) / np.float32(255)
    labels = [*some_labels(6), *some_labels(4)]
    for samples in range(2, 11):
        dataset = load(str(tmp_path), samples, split="random")
        assert np.array_equal(dataset.images, every[:samples])
        assert np.array_equal(unseen_of(dataset)[0], every[samples:])
        assert unseen_of(dataset)[1].tolist() == labels[samples:]


def test_a_given_split_tests_on_the_test_images_alone(tmp_path: Path) -> None:
    write_idx_pair(tmp_path, "t10k", 4)
    write_idx_pair(tmp_path, "train", 6)
    for samples in (2, 6, None):
        dataset = load(str(tmp_path), samples)
        assert len(dataset) == (samples or 6)
        assert np.array_equal(unseen_of(dataset)[0], some_images(4) / np.float32(255))
    with pytest.raises(TooFewImagesError, match=r"has 6 training images.* set split to random"):
        load(str(tmp_path), 7)


@pytest.mark.parametrize("split", ["given", "random"])
def test_the_default_of_samples_is_the_most_of_ones_own_images(tmp_path: Path, split: str) -> None:
    write_idx_pair(tmp_path, "t10k", 4)
    write_idx_pair(tmp_path, "train", 6)
    dataset = load_data(RunConfig(source=str(tmp_path), split=split))
    expected = load(str(tmp_path), None, split=split)
    assert np.array_equal(dataset.images, expected.images)
    assert "There are 6 training images, fewer than 1,000: all are used." in dataset.notes
    with pytest.raises(TooFewImagesError):
        load_data(RunConfig(source=str(tmp_path), samples=999))


def test_a_folder_of_test_images_alone_is_trained_on(tmp_path: Path) -> None:
    write_idx_pair(tmp_path, "t10k", 4)
    dataset = load(str(tmp_path))
    assert len(dataset) == 4
    assert not len(dataset.unseen)


def test_gzip_is_known_by_the_content_and_not_by_the_name(tmp_path: Path) -> None:
    packed = write_idx(tmp_path / "a.gz", some_images())
    packed.rename(tmp_path / "train-images-idx3-ubyte")
    plain = write_idx(tmp_path / "a", some_labels())
    plain.rename(tmp_path / "train-labels-idx1-ubyte.gz")
    assert len(load(str(tmp_path))) == 6


def test_a_file_both_plain_and_packed_counts_once(tmp_path: Path) -> None:
    write_idx_pair(tmp_path)
    write_idx(tmp_path / "train-images-idx3-ubyte.gz", some_images())
    assert len(load(str(tmp_path))) == 6


def test_an_images_file_brings_its_labels_file(tmp_path: Path) -> None:
    images = write_idx_pair(tmp_path, "t10k", 4)
    write_idx_pair(tmp_path, "train", 6)
    assert len(load(str(images))) == 4


def test_a_pair_is_named_with_a_comma(tmp_path: Path) -> None:
    images = write_idx(tmp_path / "pictures", some_images())
    labels = write_idx(tmp_path / "answers", some_labels())
    assert load(f"{images},{labels}").labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert load(f"{images}, {labels}").source == f"{images}, {labels}"


def test_a_comma_in_a_folders_name_is_no_pair(tmp_path: Path) -> None:
    folder = tmp_path / "digits, small"
    folder.mkdir()
    write_idx_pair(folder)
    assert len(load(str(folder))) == 6


def test_images_and_labels_given_the_wrong_way_round_are_told(tmp_path: Path) -> None:
    images = write_idx_pair(tmp_path)
    labels = tmp_path / "train-labels-idx1-ubyte"
    with pytest.raises(DataError, match=r"holds labels.*not images: put the images first"):
        load(f"{labels},{images}")
    with pytest.raises(DataError, match="holds 6 images, not labels"):
        load(f"{images},{images}")


def test_counts_that_do_not_match_name_both_files(tmp_path: Path) -> None:
    images = write_idx_pair(tmp_path)
    labels = write_idx(tmp_path / "train-labels-idx1-ubyte", some_labels(5))
    with pytest.raises(DataError, match=f"{images} has 6 images, but {labels} has 5 labels"):
        load(str(tmp_path))


def test_missing_labels_say_which_file_is_missing(tmp_path: Path) -> None:
    images = write_idx(tmp_path / "train-images-idx3-ubyte.gz", some_images())
    with pytest.raises(DataError, match=r"put train-labels-idx1-ubyte\.gz beside it"):
        load(str(tmp_path))
    with pytest.raises(DataError, match=r"put train-labels-idx1-ubyte\.gz beside it"):
        load(str(images))
    with pytest.raises(DataError, match="name both files"):
        load(str(write_idx(tmp_path / "pictures", some_images())))


def test_a_file_that_is_no_images_is_told_and_not_asked_for_its_labels(tmp_path: Path) -> None:
    labels = write_idx(tmp_path / "train-labels-idx1-ubyte", some_labels())
    with pytest.raises(DataError, match=r"holds labels.*not images: name the images, or both"):
        load(str(labels))
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(DataError, match="is a text, which cannot be read"):
        load(str(tmp_path / "notes.txt"))


def test_a_folder_without_idx_files_says_what_they_are_called(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(
        DataError, match="has neither IDX files nor CSV tables nor folders of pictures: name a"
    ):
        load(str(tmp_path))


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("shirt\nshoe\n", "2 class names"),
        ("shirt\n\nshoe\n", "empty line"),
        (b"\xff\xfe\xff", "not a text in UTF-8"),
    ],
)
def test_bad_class_names_are_told(tmp_path: Path, lines: str | bytes, says: str) -> None:
    write_idx_pair(tmp_path)
    (tmp_path / "classes.txt").write_bytes(lines if isinstance(lines, bytes) else lines.encode())
    with pytest.raises(DataError, match=says):
        load(str(tmp_path))


def test_class_names_come_from_classes_txt(tmp_path: Path) -> None:
    write_idx_pair(tmp_path)
    (tmp_path / "classes.txt").write_text("shirt\nänkle boot\nbag\n", "utf-8")
    assert load(str(tmp_path)).class_names == ("shirt", "änkle boot", "bag")


# --- what the system refuses ---------------------------------------------------------------------


@contextmanager
def as_an_ordinary_user() -> Iterator[None]:
    """Root may read everything; give that up for a while."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        if user == 0:
            os.seteuid(user)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX permissions")
def test_missing_permission_is_told(tmp_path: Path) -> None:
    write_idx_pair(tmp_path)
    tmp_path.chmod(0)
    try:
        with as_an_ordinary_user(), pytest.raises(DataError, match="no permission to read"):
            load(str(tmp_path))
    finally:
        tmp_path.chmod(0o700)


def test_a_disk_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = write_idx_pair(tmp_path)

    def broken(path: Path, mode: str) -> None:
        raise OSError(5, "Input/output error", str(path))

    monkeypatch.setattr(Path, "open", broken)
    with pytest.raises(DataError, match=f"{images} cannot be read .Input/output error."):
        load(str(images))


def test_too_little_memory_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = write_idx_pair(tmp_path)

    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("mnistop.engine.data.readers.pairs.read_idx", full)
    with pytest.raises(DataError, match="not enough memory"):
        load(str(images))


# --- resizing ------------------------------------------------------------------------------------


def test_images_of_any_source_are_resized_and_that_is_told() -> None:
    dataset = load("digits", 50, resize=(28, 14))
    assert dataset.image_shape == (28, 14)
    assert dataset.notes == ("Images of 8 × 8 pixels are resized to 28 × 14.",)
    assert dataset.images.max() <= 1
    assert len(dataset.unseen) == 1747
    assert next(dataset.unseen.batches(1))[0].shape == (1, 28, 14)
    assert np.allclose(dataset.images.mean(), load("digits", 50).images.mean(), atol=0.01)


def test_images_of_that_size_stay_as_they_are(tmp_path: Path) -> None:
    dataset = load(str(write_idx_pair(tmp_path)), resize=(4, 4))
    assert np.array_equal(dataset.images, load(str(tmp_path)).images)
    assert not dataset.notes


def test_parts_of_two_sizes_are_made_alike(tmp_path: Path) -> None:
    write_idx(tmp_path / "t10k-images-idx3-ubyte", some_images(4, 6, 6))
    write_idx(tmp_path / "t10k-labels-idx1-ubyte", some_labels(4))
    write_idx_pair(tmp_path, "train")
    with pytest.raises(DataError, match=r"4 × 4 pixels, but those in .* are 6 × 6.* set resize"):
        load(str(tmp_path))
    dataset = load(str(tmp_path), resize=(4, 4))
    assert dataset.notes == ("Images of 6 × 6 pixels are resized to 4 × 4.",)


@pytest.mark.parametrize("white", [1, 255])
def test_black_and_white_pixels_are_averaged(tmp_path: Path, white: int) -> None:
    bits = np.zeros((4, 2, 2), np.uint8)
    bits[:, 0, 0] = white
    np.savez(tmp_path / "bits.npz", images=bits, labels=[0, 1, 0, 1])
    image = load(str(tmp_path / "bits.npz"), resize=(1, 1)).images[0]
    assert image[0, 0] == pytest.approx(0.25, abs=0.01)


# --- changes -------------------------------------------------------------------------------------


def test_a_change_far_below_a_folder_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "train" / "3" / "1.png"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"one")
    (tmp_path / "link").symlink_to(tmp_path)
    before = file_stamp(str(tmp_path))
    assert file_stamp(str(tmp_path)) == before
    file.write_bytes(b"other")
    assert file_stamp(str(tmp_path)) != before
    after = file_stamp(str(tmp_path))
    (file.parent / "2.png").touch()
    assert file_stamp(str(tmp_path)) != after
