"""Black and white: from the type and the values, as stated, or refused with a message."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from mnistop.engine.config import PixelRange, RunConfig
from mnistop.engine.data.sources import describe, load
from mnistop.engine.errors import DataError, PixelRangeError
from tests.helpers.data_files import some_images, some_labels

BYTES = some_images(40, 6, 6)
BYTES[:, 0, :2] = 0, 255
UNIT = BYTES / 255


def with_pixel(images: NDArray[np.generic], value: float) -> NDArray[np.generic]:
    changed = images.copy()
    changed[3, 1, 1] = value
    return changed


def saved(folder: Path, images: NDArray[np.generic]) -> str:
    path = folder / "some.npz"
    np.savez(path, images=images, labels=some_labels(len(images)))
    return str(path)


CLEAR = {
    "bytes": (BYTES, 255),
    "dark bytes (kaggle_ndsb2017#58)": ((BYTES // 2.5).astype(np.uint8), 255),
    "a byte mask": ((BYTES > 127).astype(np.uint8), 1),
    "booleans": (BYTES > 127, 1),
    "bytes as int64": (BYTES.astype(np.int64), 255),
    "bytes as float32": (BYTES.astype(np.float32), 255),
    "bytes as uint16": (BYTES.astype(np.uint16), 255),
    "bytes without the brightest": (np.minimum(BYTES, 240).astype(np.float64), 255),
    "16 bits (albumentations#302)": (BYTES.astype(np.uint16) * 257, 65535),
    "12 bits in uint16 (albumentations#302)": ((UNIT * 4095).round().astype(np.uint16), 4095),
    "10 bits as float": ((UNIT * 1023).round(), 1023),
    "fractions": (UNIT, 1),
    "float16": (UNIT.astype(np.float16), 1),
    "fractions up to a half": (UNIT / 2, 1),
    "resampled bytes": (UNIT * 254.7, 255),
}


@pytest.mark.parametrize(("images", "white"), CLEAR.values(), ids=CLEAR)
def test_white_is_found_where_it_is_clear(
    tmp_path: Path, images: NDArray[np.generic], white: float
) -> None:
    dataset = load(saved(tmp_path, images))
    assert (dataset.pixels.black, dataset.pixels.white) == (0, white)
    assert np.allclose(dataset.images, images.astype(np.float64) / white, atol=1e-6)
    assert not dataset.pixels.clipping


UNCLEAR = {
    "scikit-learn's digits": (load_digits().images, "float64 from 0 to 16", "0 16"),
    "digits as bytes": (load_digits().images.astype(np.uint8), "uint8 from 0 to 16", "0 16"),
    "minus 1 to 1 (simulated-unsupervised)": (UNIT * 2 - 1, "float64 from -1 to 1", "-1 1"),
    "signs": (np.sign(UNIT - 0.5), "float64 from -1 to 1", "-1 1"),
    "standardised": ((UNIT - 0.25) / 0.5, "float64 from -0.5 to 1.5", "-0.5 1.5"),
    "500 of 65,535 (HyperFree#30)": ((UNIT * 501).astype(np.uint16), "uint16 from 0 to 501", "501"),
    "percent": ((UNIT * 100).round(), "float64 from 0 to 100", "0 100"),
    "divided by 255 twice (Pytorch-UNet#142)": (UNIT / 255, "from 0 to 0.0039", "0 0.0039"),
    "one hot pixel among fractions": (with_pixel(UNIT, 255), "float64 from 0 to 255", "0 1"),
    "int8": ((BYTES // 2).astype(np.int8), "int8 from 0 to 127", "0 127"),
    "256": (BYTES.astype(np.int16) + 1, "int16 from 1 to 256", "1 256"),
    "far above 1": (with_pixel(UNIT, 1.5), "float64 from 0 to 1.5", "0 1.5"),
}


@pytest.mark.parametrize(("images", "is_what", "flag"), UNCLEAR.values(), ids=UNCLEAR)
def test_what_can_only_be_guessed_is_refused_in_words(
    tmp_path: Path, images: NDArray[np.generic], is_what: str, flag: str
) -> None:
    with pytest.raises(PixelRangeError) as told:
        load(saved(tmp_path, images))
    assert is_what in str(told.value)
    assert "state the pixel range, as in --pixel-range " in str(told.value)
    assert flag in str(told.value).rpartition("--pixel-range")[2]


@pytest.mark.parametrize(
    ("mean", "deviation", "says"),
    [
        (0.1307, 0.3081, "fractions less the mean 0.1307 of MNIST, over 0.3081"),
        (0.2860, 0.3530, "fractions less the mean 0.286 of Fashion-MNIST, over 0.353"),
        (0.5, 0.5, "often -1 and 1"),
    ],
)
def test_usual_normalisations_are_recognised_and_undone_by_the_range_that_is_named(
    tmp_path: Path, mean: float, deviation: float, says: str
) -> None:
    source = saved(tmp_path, ((UNIT - mean) / deviation).astype(np.float32))
    with pytest.raises(PixelRangeError, match=says) as told:
        load(source)
    named = str(told.value).split('"')[1].split()
    dataset = load(source, pixel_range=(float(named[0]), float(named[1])))
    assert np.allclose(dataset.images, UNIT, atol=1e-5)


@pytest.mark.parametrize("dtype", [">u2", ">f4", ">f8", "<f2"])
def test_numbers_of_any_byte_order_are_read(tmp_path: Path, dtype: str) -> None:
    images = BYTES.astype(dtype) * 257 if dtype == ">u2" else UNIT.astype(dtype)
    dataset = load(saved(tmp_path, images))
    assert np.allclose(dataset.images, UNIT, atol=1e-3)


@pytest.mark.parametrize(
    ("images", "stated"),
    [
        (load_digits().images, (0, 16)),
        (UNIT * 2 - 1, (-1, 1)),
        (BYTES, (0, 255)),
        ((UNIT * 501).astype(np.uint16), (0, 65535)),
    ],
)
def test_a_stated_range_becomes_0_to_1(
    tmp_path: Path, images: NDArray[np.generic], stated: PixelRange
) -> None:
    assert stated != "auto"
    black, white = stated
    dataset = load(saved(tmp_path, images), pixel_range=stated)
    expected = (images.astype(np.float64) - black) / (white - black)
    assert np.allclose(dataset.images, expected, atol=1e-6)
    assert str(describe(dataset).pixels).count(f"{white}")
    assert "black" in str(describe(dataset).pixels)


@pytest.mark.parametrize("value", [1.0001, 1.04, -0.03])
def test_what_resampling_added_is_clipped_and_said(tmp_path: Path, value: float) -> None:
    dataset = load(saved(tmp_path, with_pixel(UNIT, value)))
    assert (dataset.images.min(), dataset.images.max()) == (0, 1)
    assert np.allclose(dataset.images[4:], UNIT[4:])
    assert f"{value:g}" in dataset.pixels.clipping
    assert "are clipped" in dataset.pixels.clipping


def test_what_lies_beyond_a_stated_range_is_clipped_and_said(tmp_path: Path) -> None:
    dataset = load(saved(tmp_path, BYTES), pixel_range=(50, 100))
    assert np.allclose(dataset.images, np.clip((BYTES.astype(float) - 50) / 50, 0, 1))
    assert "from 0 to 255, and those beyond 50 (black) and 100 (white)" in dataset.pixels.clipping


def test_parts_that_are_scaled_otherwise_are_refused(tmp_path: Path) -> None:
    labels = some_labels(40)
    np.savez(tmp_path / "a.npz", x_train=UNIT, y_train=labels, x_test=BYTES, y_test=labels)
    with pytest.raises(PixelRangeError, match=r"to 1 in x_train .* to 255 in x_test .*both alike"):
        load(str(tmp_path / "a.npz"))


@pytest.mark.parametrize("source", ["bundled", "digits"])
def test_the_range_of_a_source_with_a_name_cannot_be_set(source: str) -> None:
    with pytest.raises(DataError, match=f"range of {source} is known: it cannot be set"):
        load(source, 10, pixel_range=(0, 1))


def test_white_does_not_depend_on_how_many_images_are_asked_for(tmp_path: Path) -> None:
    images = BYTES.copy()
    images[:20] //= 3
    whole = load(saved(tmp_path, images))
    assert np.array_equal(load(saved(tmp_path, images), 20).images, whole.images[:20])


def test_a_configuration_of_before_there_was_a_range_finds_it() -> None:
    assert RunConfig.from_values({"source": "digits"}).pixel_range == "auto"
