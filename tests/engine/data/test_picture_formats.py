"""Pictures as Pillow writes them: formats, modes, opacity, frames."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mnistop.engine.data.sources import load
from mnistop.engine.errors import DataError
from tests.helpers.data_files import some_images
from tests.helpers.picture_files import (
    ALL,
    COUNT,
    IMAGES,
    pictures_as_bytes,
    save_picture,
    write_pictures,
)


@pytest.mark.parametrize("ending", ["png", "PNG", "bmp", "gif", "tif", "pgm", "webp"])
def test_pictures_of_all_lossless_formats_are_read(tmp_path: Path, ending: str) -> None:
    options = {"lossless": True} if ending == "webp" else {}
    dataset = load(str(write_pictures(tmp_path, ending, **options)))
    assert pictures_as_bytes(dataset) == ALL
    assert dataset.class_names == ("a", "b")
    assert dataset.notes == ()
    for image, label in zip(dataset.images, dataset.labels, strict=True):
        index = [*map(bytes, IMAGES.reshape(COUNT, -1))].index(
            (image * 255).round().astype(np.uint8).tobytes()
        )
        assert label == index % 2


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "CMYK", "I;16"])
def test_pictures_without_colour_are_gray_in_every_mode(tmp_path: Path, mode: str) -> None:
    ending = "tif" if mode == "CMYK" else "png"
    if mode == "I;16":
        for index, image in enumerate(IMAGES):
            deep = image.astype(np.uint16) * 257
            save_picture(tmp_path / "ab"[index % 2] / f"{index}.png", deep)
    else:
        write_pictures(tmp_path, ending, mode=mode)
    dataset = load(str(tmp_path))
    assert dataset.image_shape == (4, 4)
    assert pictures_as_bytes(dataset) == ALL
    assert str(dataset.pixels).startswith("uint16" if mode == "I;16" else "uint8")


def test_black_and_white_pictures_are_read(tmp_path: Path) -> None:
    write_pictures(tmp_path, mode="1")
    assert set(np.unique(load(str(tmp_path)).images)) == {0, 1}


def test_jpegs_are_read(tmp_path: Path) -> None:
    dataset = load(str(write_pictures(tmp_path, "jpg", quality=100, mode="RGB")))
    assert len(dataset) == COUNT
    assert dataset.image_shape == (4, 4)


def test_transparent_pixels_are_put_on_white(tmp_path: Path) -> None:
    write_pictures(tmp_path)
    ink = np.zeros((4, 4, 4), np.uint8)
    ink[:2, :, 3] = 255
    save_picture(tmp_path / "a" / "ink.png", ink)
    dataset = load(str(tmp_path))
    assert "Transparent pixels are made white, in 1 picture." in dataset.notes
    halves = [image for image in dataset.images if not image[:2].any() and image[2:].all()]
    assert len(halves) == 1


@pytest.mark.parametrize("resize", ["off", (4, 4), (8, 8)])
@pytest.mark.parametrize("hidden", [0, 255])
def test_light_ink_on_transparent_ground_is_put_on_black(
    tmp_path: Path, resize: Any, hidden: int
) -> None:
    for index, image in enumerate(IMAGES):
        ink = np.where(image > 0, 255, hidden).astype(np.uint8)
        save_picture(tmp_path / "ab"[index % 2] / f"{index}.png", np.dstack([ink, ink, ink, image]))
    save_picture(tmp_path / "a" / "blank.png", np.full((4, 4, 4), (255, 255, 255, 0), np.uint8))
    dataset = load(str(tmp_path), resize=resize)
    sentence = (
        "Transparent pixels are made black, as what is drawn on them is light, in 13 pictures."
    )
    assert sentence in dataset.notes
    if resize != (8, 8):
        assert set(pictures_as_bytes(dataset)) == {*ALL, bytes(16)}
    assert dataset.image_shape == ((4, 4) if resize == "off" else resize)


@pytest.mark.parametrize("opacity", [0, 1, 128])
@pytest.mark.parametrize("resize", ["off", (4, 4)])
def test_opacity_that_says_nothing_is_not_used(tmp_path: Path, resize: Any, opacity: int) -> None:
    for index, image in enumerate(IMAGES):
        unused = np.full_like(image, opacity)
        save_picture(tmp_path / "ab"[index % 2] / f"{index}.png", np.dstack([image] * 3 + [unused]))
    dataset = load(str(tmp_path), resize=resize)
    assert pictures_as_bytes(dataset) == ALL
    assert "The opacity of 12 pictures is the same all over: unused." in dataset.notes


def test_transparent_colours_of_a_palette_are_put_on_white(tmp_path: Path) -> None:
    write_pictures(tmp_path, "gif")
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([9, 9, 9, 0, 0, 0])
    palette.putpixel((0, 0), 0)
    palette.save(tmp_path / "a" / "x.gif", transparency=1)
    dataset = load(str(tmp_path))
    assert "Transparent pixels are made white, in 1 picture." in dataset.notes
    assert any(image[0, 0] == np.float32(9 / 255) and image.sum() > 15 for image in dataset.images)


@pytest.mark.parametrize("ending", ["gif", "webp", "png"])
def test_frames_after_the_first_are_told(tmp_path: Path, ending: str) -> None:
    write_pictures(tmp_path)
    frames = [Image.fromarray(image) for image in some_images(3)]
    options = {"lossless": True} if ending == "webp" else {}
    frames[0].save(tmp_path / "a" / f"x.{ending}", save_all=True, append_images=frames, **options)
    dataset = load(str(tmp_path))
    assert set(pictures_as_bytes(dataset)) == {*ALL, some_images(3)[0].tobytes()}
    assert dataset.notes == (
        f"1 picture with several frames (a/x.{ending}): only the first frame of each is taken.",
    )


def test_pages_of_a_tiff_are_not_dropped(tmp_path: Path) -> None:
    write_pictures(tmp_path)
    first, *others = (Image.fromarray(image) for image in IMAGES)
    first.save(tmp_path / "a" / "x.tif", save_all=True, append_images=others)
    with pytest.raises(DataError, match=r"a/x.tif in .* has 12 pages: save each as a picture"):
        load(str(tmp_path))


def test_a_camera_that_was_turned_is_heeded(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for index, image in enumerate(IMAGES):
        save_picture(tmp_path / "ab"[index % 2] / f"{index}.png", image, exif=exif)
    turned = sorted(np.rot90(image, -1).tobytes() for image in IMAGES)
    assert pictures_as_bytes(load(str(tmp_path))) == turned
