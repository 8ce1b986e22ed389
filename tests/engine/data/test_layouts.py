"""Images in colour, in all layouts in which arrays hold them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from mnistop.engine import events
from mnistop.engine.config import RunConfig
from mnistop.engine.data.dataset import Dataset, describe
from mnistop.engine.data.layouts import as_images, in_one_layout
from mnistop.engine.data.preparation import to_dataset
from mnistop.engine.data.sources import load
from mnistop.engine.data.stored import Part, Stored
from mnistop.engine.errors import DataError
from mnistop.engine.events import RunStarted, UnreadableEventError
from mnistop.engine.fingerprint import Fingerprint, changes, take_fingerprint
from mnistop.engine.training.examples import make_examples
from tests.helpers.color_images import color_run, images, labels, write_npz

IMAGES = images(12)
SQUARE = IMAGES[:, :5]
OPAQUE = np.full((12, 6, 5, 1), 255, np.uint8)


def dataset_of(stored: NDArray[np.generic]) -> Dataset:
    part = Part(stored, labels(len(stored)), "images.x", "labels.x")
    return to_dataset(Stored([part], "made up"), "made up", None)


def planes(stored: NDArray[np.generic]) -> NDArray[np.generic]:
    return np.moveaxis(stored, 3, 1)


LAYOUTS = {
    "channels last": IMAGES,
    "channels first": planes(IMAGES),
    "channels first, copied": planes(IMAGES).copy(),
    "floats": IMAGES / np.float32(255),
    "floats, channels first": planes(IMAGES / np.float32(255)),
    "fractions, channels first": planes(IMAGES.astype(np.float64)),
    "opaque": np.concatenate([IMAGES, OPAQUE], 3),
    "opaque, channels first": planes(np.concatenate([IMAGES, OPAQUE], 3)),
}


BITS = np.packbits(np.ones((6, 28, 28), bool), 2)


@pytest.mark.parametrize(
    ("images", "says"),
    [
        (
            np.packbits(np.ones((6, 28, 28), bool), 2),
            r"28 × 4 pixels: if they are packed bits, .*:28",
        ),
        (np.ones((6, 1, 784)), "1 × 784 pixels: if they are 28 × 28 in a row"),
        (np.ones((6, 784, 1), np.uint8), "784 × 1 pixels: if they are 28 × 28 in a row"),
        (np.ones((6, 28, 4)), ""),
        (np.ones((6, 28, 5), np.uint8), ""),
        (np.ones((6, 1, 1)), ""),
    ],
)
def test_sizes_that_are_hardly_meant_are_told(images: NDArray[Any], says: str) -> None:
    _, note = as_images(images, "x", False)
    assert re.search(says, note)
    assert bool(note) == bool(says)


def test_packed_bits_in_rows_are_refused_with_a_remedy() -> None:
    bits = np.packbits(np.ones((6, 784), bool), 1)
    with pytest.raises(DataError, match=r"98 pixels.*or unpack their bits by numpy\.unpackbits"):
        as_images(bits, "x", False)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_images_in_colour_are_the_same_in_every_layout(layout: str) -> None:
    dataset = dataset_of(LAYOUTS[layout])
    assert dataset.image_shape == (6, 5, 3)
    assert np.allclose(dataset.images, IMAGES / np.float32(255), atol=1e-7)
    assert dataset.fingerprint.channels == 3
    pixels = dataset.fingerprint.pixels
    if not layout.startswith("floats"):
        assert pixels == dataset_of(IMAGES).fingerprint.pixels
    assert pixels == dataset_of(np.ascontiguousarray(LAYOUTS[layout])).fingerprint.pixels


@pytest.mark.parametrize("channels_first", [False, True])
def test_flat_rows_in_colour_are_taken_in_the_order_in_which_neighbours_are_alike(
    channels_first: bool,
) -> None:
    rows = (planes(SQUARE) if channels_first else SQUARE).reshape(12, -1)
    dataset = dataset_of(rows)
    assert np.array_equal(dataset.images, dataset_of(SQUARE).images)
    assert ("all of red, then green" in dataset.notes[0]) == channels_first
    assert "5 × 5 pixels in colour" in dataset.notes[0]


def test_flat_rows_of_all_parts_are_taken_in_the_order_of_the_first() -> None:
    noise = np.random.default_rng(1).integers(0, 256, SQUARE.shape).astype(np.uint8)
    rows = planes(SQUARE).reshape(12, -1), planes(noise).reshape(12, -1)
    parts = [Part(each, labels(12), "images.x", "labels.x") for each in rows]
    dataset = to_dataset(Stored(parts, "made up"), "made up", None)
    assert np.array_equal(dataset.images[12:], noise / np.float32(255))


def test_an_opaque_fourth_channel_is_dropped_and_the_note_says_so() -> None:
    assert dataset_of(LAYOUTS["opaque"]).notes == (
        "The fourth channel of images.x is dropped: it is opaque everywhere.",
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_transparent_images_are_put_on_white(dtype: type) -> None:
    opaque = 1.0 if dtype is np.float32 else np.iinfo(dtype).max
    stored = np.full((2, 3, 3, 4), opaque, dtype)
    stored[..., :3] = 0
    stored[0, 0, 0, 3] = 0
    stored[0, 1, 1, 3] = opaque // 2 if opaque > 1 else 0.5
    [(shown, note)] = in_one_layout([("images.x", stored)])
    assert shown.dtype == dtype
    assert (shown[0, 0, 0] == opaque).all()
    assert np.allclose(shown[0, 1, 1] / opaque, 0.5, atol=1 / 255)
    assert (shown[1] == 0).all()
    assert (
        note == "The fourth channel of images.x is taken for opacity: the images are put on white."
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_light_ink_on_transparent_ground_is_put_on_black(dtype: type) -> None:
    opaque = 1.0 if dtype is np.float32 else np.iinfo(dtype).max
    ink = (np.arange(18).reshape(2, 3, 3, 1) / 17 * opaque).astype(dtype)
    stored = np.concatenate([np.full((2, 3, 3, 3), opaque, dtype), ink], 3)
    [(shown, note)] = in_one_layout([("images.x", stored)])
    assert np.allclose(shown / opaque, ink / opaque, atol=1 / 255)
    assert note.endswith("the images are put on black, as what they show is light.")
    assert (stored[..., :3] == opaque).all()


@pytest.mark.parametrize("opacity", [0, 1, 7])
def test_a_fourth_channel_that_says_nothing_is_dropped(opacity: int) -> None:
    stored = np.concatenate([IMAGES, np.full_like(OPAQUE, opacity)], 3)
    [(shown, note)] = in_one_layout([("images.x", stored)])
    assert np.array_equal(shown, IMAGES)
    assert note == (
        "The fourth channel of images.x is dropped: it is the same all over each image."
    )


def test_two_channels_are_refused() -> None:
    with pytest.raises(DataError, match="4 dimensions, 12 × 6 × 5 × 2"):
        dataset_of(IMAGES[..., :2])


def test_facts_count_the_values_of_all_channels() -> None:
    facts = describe(dataset_of(IMAGES))
    assert facts.image_shape == (6, 5, 3)
    assert facts.mean == pytest.approx((IMAGES / 255).mean(), abs=1e-6)
    assert facts.std == pytest.approx((IMAGES / 255).std(), abs=1e-6)


def test_a_file_in_colour_is_split_into_flat_rows_with_the_channels_last(tmp_path: Path) -> None:
    source = str(write_npz(tmp_path / "colors.npz", channels_first=True))
    examples = make_examples(load(source), RunConfig(source=source, samples=60))
    assert examples.image_shape == (6, 5, 3)
    rows = examples.training.pixels.numpy()
    assert rows.shape == (48, 90)
    known = {image.tobytes() for image in (images(60) / np.float32(255)).reshape(60, 90)}
    assert all(row.tobytes() in known for row in rows)


def test_a_fingerprint_in_gray_is_written_as_it_was_before_there_was_colour() -> None:
    gray = take_fingerprint([IMAGES[..., 0]], labels(12), 3, 0, 255)
    written = msgspec.json.encode(gray)
    assert b"channels" not in written
    assert msgspec.json.decode(written, type=Fingerprint) == gray
    color = take_fingerprint([IMAGES], labels(12), 3, 0, 255)
    assert msgspec.json.decode(msgspec.json.encode(color), type=Fingerprint) == color
    assert changes(gray, color) == "6×5 pixels then, 6×5×3 now"


def test_a_run_keeps_its_images_in_colour(tmp_path: Path) -> None:
    run = color_run(tmp_path)
    started = events.from_json((run.path / "events.jsonl").read_bytes().splitlines()[0])
    assert isinstance(started, RunStarted)
    assert started.shape == (6, 5, 3)
    assert np.array_equal(run.images(started.shape) * 255, images(9))
    one = run.image(4, started.shape)
    assert one is not None
    assert np.array_equal(one, run.images(started.shape)[4])


def test_an_image_of_other_than_one_or_three_channels_is_no_event(tmp_path: Path) -> None:
    line = (color_run(tmp_path).path / "events.jsonl").read_bytes().splitlines()[0]
    with pytest.raises(UnreadableEventError):
        events.from_json(line.replace(b"[6,5,3]", b"[6,5,2]"))
