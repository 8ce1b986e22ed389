"""Identity of data: by their contents, not by their storage."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mnistop.engine.data.preparation import to_dataset
from mnistop.engine.data.sources import load
from mnistop.engine.data.stored import Part, Stored
from mnistop.engine.fingerprint import Fingerprint, changes, take_fingerprint
from tests.helpers.data_files import some_images, some_labels, write_idx

COUNT = 2100
"""More images than are hashed at once."""


def fingerprint(
    images: NDArray[Any], labels: NDArray[Any], samples: int | None = None, parts: int = 1
) -> Fingerprint:
    pairs = zip(np.array_split(images, parts), np.array_split(labels, parts), strict=True)
    stored = Stored([Part(*pair, "images", "labels") for pair in pairs], "made up")
    return to_dataset(stored, "made up", samples).fingerprint


IMAGES, LABELS = some_images(COUNT), some_labels(COUNT)


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("parts", [1, 3])
def test_the_same_values_are_the_same_data_however_stored(kind: type, parts: int) -> None:
    stored = IMAGES.astype(kind), LABELS.astype(np.float64 if kind is np.float64 else kind)
    assert fingerprint(*stored, parts=parts) == fingerprint(IMAGES, LABELS)


def test_fractions_and_minus_zero_are_compared_by_value() -> None:
    images = IMAGES / 255
    negative = np.where(images == 0, -0.0, images)
    assert fingerprint(images, LABELS) == fingerprint(negative.astype(np.float32), LABELS)


def wide(images: NDArray[Any]) -> Fingerprint:
    return take_fingerprint([images], LABELS, 3, 0, 4095)


def test_values_beyond_a_byte_are_compared_whole() -> None:
    deep = IMAGES.astype(np.int32) * 16
    other, negative, white = deep.copy(), deep.copy(), deep.copy()
    other[0, 0, 0] += 256
    negative[0, 0, 0], white[0, 0, 0] = -1, 255
    assert changes(wide(deep), wide(other)) == "other pixels"
    assert changes(wide(negative), wide(white)) == "other pixels"
    for kind in (np.uint16, np.float32, np.float64):
        assert wide(deep.astype(kind)) == wide(deep)


@pytest.mark.parametrize("row", [0, 1023, 1024, COUNT - 1])
def test_one_other_pixel_makes_other_data(row: int) -> None:
    other = IMAGES.copy()
    other[row, 2, 2] ^= 1
    then, now = fingerprint(IMAGES, LABELS), fingerprint(other, LABELS)
    assert changes(then, now) == "other pixels"


def test_what_lies_beyond_the_samples_does_not_matter() -> None:
    then = fingerprint(IMAGES[:2000], LABELS[:2000], 2000)
    assert changes(then, fingerprint(IMAGES, LABELS, 2000)) == ""


CHANGES: dict[str, Callable[[], tuple[NDArray[Any], NDArray[Any]]]] = {
    "other images and labels, or another order": lambda: (IMAGES[::-1], LABELS[::-1]),
    "other labels": lambda: (IMAGES, np.roll(LABELS, 1)),
    "2,100 images then, 2,000 now": lambda: (IMAGES[:2000], LABELS[:2000]),
    "4×4 pixels then, 3×4 now": lambda: (IMAGES[:, 1:], LABELS),
    "3 classes then, 2 now": lambda: (IMAGES, LABELS % 2),
    "pixels of 0 to 255 then, 0 to 1 now": lambda: (IMAGES // 255, LABELS),
}


@pytest.mark.parametrize("words", CHANGES)
def test_what_has_changed_is_described(words: str) -> None:
    assert changes(fingerprint(IMAGES, LABELS), fingerprint(*CHANGES[words]())) == words


def test_files_packed_in_another_way_hold_the_same_data(tmp_path: Path) -> None:
    np.savez(tmp_path / "plain.npz", images=IMAGES, labels=LABELS)
    np.savez_compressed(tmp_path / "packed.npz", images=IMAGES, labels=LABELS)
    found = [load(str(tmp_path / f"{name}.npz")).fingerprint for name in ("plain", "packed")]
    for end in ("", ".gz"):
        folder = tmp_path / f"idx{end}"
        folder.mkdir()
        write_idx(folder / f"train-images-idx3-ubyte{end}", IMAGES)
        write_idx(folder / f"train-labels-idx1-ubyte{end}", LABELS)
        found.append(load(str(folder)).fingerprint)
    assert found == [fingerprint(IMAGES, LABELS)] * 4
