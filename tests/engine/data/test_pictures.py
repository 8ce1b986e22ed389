"""Folders of pictures by class: parts, sizes, and what is wrong."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnistop.engine.data.sources import load
from mnistop.engine.errors import DataError, SizesError
from mnistop.engine.files import files_below
from tests.helpers.data_files import some_images, unseen_of
from tests.helpers.picture_files import (
    ALL,
    COUNT,
    IMAGES,
    pictures_as_bytes,
    save_picture,
    write_pictures,
)

# --- classes and parts ---------------------------------------------------------------------------


def test_the_first_pictures_are_of_all_classes_and_always_the_same(tmp_path: Path) -> None:
    one, other = (
        load(str(write_pictures(tmp_path / "one")), 4),
        load(str(write_pictures(tmp_path / "other")), 4),
    )
    assert np.array_equal(one.images, other.images)
    assert len(set(one.labels.tolist())) == 2


@pytest.mark.parametrize(
    "names",
    [
        "train/ test/",
        "training/ testing/",
        "Train/ t10k/",
        "trainingSet/trainingSet/ testSet/testSet/",
        "mnist_png/training/ mnist_png/testing/",
        "asl_alphabet_train/ asl_alphabet_test/",
    ],
)
def test_folders_of_parts_are_an_official_split(tmp_path: Path, names: str) -> None:
    train, test = names.split()
    write_pictures(tmp_path / train)
    save_picture(tmp_path / test / "b" / "x.png", IMAGES[0])
    dataset = load(str(tmp_path))
    assert pictures_as_bytes(dataset) == ALL
    assert unseen_of(dataset)[1].tolist() == [1]
    assert len(load(str(tmp_path), split="random", samples=13)) == 13


def test_validation_pictures_are_kept(tmp_path: Path) -> None:
    write_pictures(tmp_path / "train")
    save_picture(tmp_path / "val" / "b" / "x.png", IMAGES[0])
    dataset = load(str(tmp_path))
    assert (dataset.samples, dataset.given_validation) == (COUNT, 1)


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    write_pictures(tmp_path / "train")
    save_picture(tmp_path / "test" / "a" / "x.png", IMAGES[0])
    save_picture(tmp_path / "test" / "y.png", IMAGES[0])
    save_picture(tmp_path / "more" / "a" / "y.png", IMAGES[0])
    save_picture(tmp_path / "__MACOSX" / "train" / "a" / "._1.png", IMAGES[0])
    for name in ("train/.DS_Store", "train/a/Thumbs.db", "train/a/notes.txt"):
        (tmp_path / name).write_text("x")
    assert load(str(tmp_path)).notes == (
        "Left out: folders beside those of training and test pictures (more); 1 test picture in "
        "no folder of a class; 3 hidden files; 1 file of other kinds (train/a/notes.txt).",
    )


def test_folders_without_pictures_are_told(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "pictures")
    (folder / "empty" / "deep").mkdir(parents=True)
    (folder / "text").mkdir()
    (folder / "text" / "a.txt").touch()
    (folder / ".git").mkdir()
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    note = "Left out: 2 folders without pictures (empty, text); 1 file of other kinds (text/a.txt)."
    assert load(str(folder)).notes == load(str(tmp_path / "a.zip")).notes == (note,)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_of_folders_is_read_as_they_are(tmp_path: Path, compression: int) -> None:
    folder = write_pictures(tmp_path / "pictures")
    with zipfile.ZipFile(tmp_path / "a.zip", "w", compression) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(tmp_path))
        archive.writestr("about.csv", "a,b\n")
    dataset = load(str(tmp_path / "a.zip"))
    assert np.array_equal(dataset.images, load(str(folder)).images)
    assert dataset.class_names == ("a", "b")


# --- sizes ---------------------------------------------------------------------------------------


def test_several_sizes_are_told_and_can_be_resized(tmp_path: Path) -> None:
    assert load(str(write_pictures(tmp_path)), resize=(4, 4)).notes == ()
    save_picture(tmp_path / "a" / "x.png", some_images(1, 6, 5)[0])
    with pytest.raises(SizesError) as told:
        load(str(tmp_path))
    assert str(told.value) == (
        f"The pictures in {tmp_path} have 2 sizes, 4 × 4 (12), 6 × 5 (1): set resize, as in "
        "--resize 4."
    )
    dataset = load(str(tmp_path), resize=(4, 8))
    assert dataset.image_shape == (4, 8)
    assert dataset.notes[0] == "13 pictures of 2 sizes are resized to 4 × 8."


def test_mnists_size_is_proposed_where_none_is_usual(tmp_path: Path) -> None:
    for index in range(6):
        save_picture(
            tmp_path / "ab"[index % 2] / f"{index}.png", some_images(1, 400, 500 + index)[0]
        )
    with pytest.raises(SizesError, match=r"have 6 sizes, .*: set resize, as in --resize 28\."):
        load(str(tmp_path))


def test_deep_pictures_stay_whole_numbers_when_resized(tmp_path: Path) -> None:
    for index, image in enumerate(IMAGES):
        save_picture(tmp_path / "ab"[index % 2] / f"{index}.png", image.astype(np.uint16) * 257)
    dataset = load(str(tmp_path), resize=(2, 2), pixel_range=(0, 65535))
    assert dataset.image_shape == (2, 2)
    assert dataset.pixels.dtype == "uint16"


# --- what is wrong -------------------------------------------------------------------------------


def test_damaged_pictures_are_named(tmp_path: Path) -> None:
    write_pictures(tmp_path)
    whole = (tmp_path / "a" / "0.png").read_bytes()
    (tmp_path / "a" / "0.png").write_bytes(whole[:40])
    (tmp_path / "b" / "text.jpg").write_text("hello")
    (tmp_path / "b" / "empty.bmp").touch()
    (tmp_path / "b" / "link.png").symlink_to("nowhere")
    os.mkfifo(tmp_path / "b" / "pipe.png")
    with pytest.raises(DataError) as told:
        load(str(tmp_path))
    sentence = str(told.value)
    assert sentence.startswith(f"5 of 16 pictures in {tmp_path} cannot be read (a/0.png, b/empty.")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", ["a", "a/0.png"])
def test_what_may_not_be_read_is_not_left_out_silently(tmp_path: Path, name: str) -> None:
    path = write_pictures(tmp_path) / name
    path.chmod(0)
    with pytest.raises(DataError, match=f"no permission to read {path}"):
        load(str(tmp_path))
    path.chmod(0o700)


def test_pictures_of_other_depth_are_told(tmp_path: Path) -> None:
    write_pictures(tmp_path)
    save_picture(tmp_path / "a" / "deep.png", IMAGES[0].astype(np.uint16))
    with pytest.raises(DataError, match=r"pixels of type uint\d+, and others of uint\d+: convert"):
        load(str(tmp_path))


def test_too_many_folders_are_told(tmp_path: Path) -> None:
    for index in range(101):
        save_picture(tmp_path / f"class{index}" / "1.png", IMAGES[0])
    with pytest.raises(DataError, match="has 101 folders of pictures, such as class99, and 100 is"):
        load(str(tmp_path))


def test_names_of_files_cannot_command_the_terminal(tmp_path: Path) -> None:
    write_pictures(tmp_path)
    (tmp_path / "a" / "\x1b[2J.txt").touch()
    assert "?[2J.txt" in load(str(tmp_path)).notes[0]
    (tmp_path / "a" / "\x1b[2J.png").touch()
    with pytest.raises(DataError, match=r"\(a/\?\[2J\.png\)"):
        load(str(tmp_path))


def test_photos_are_resized_whichever_way_the_camera_was_held(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0, 255, 400).astype(np.uint8), (300, 1))
    exif = Image.Exif()
    exif[0x0112] = 6
    save_picture(tmp_path / "a" / "1.jpg", ramp, quality=95)
    save_picture(tmp_path / "b" / "1.jpg", ramp, quality=95, exif=exif)
    dataset = load(str(tmp_path), resize=(30, 40))
    assert dataset.notes[0] == "2 pictures of 2 sizes are resized to 30 × 40."
    images = {
        int(label): image for label, image in zip(dataset.labels, dataset.images, strict=True)
    }
    assert np.allclose(images[0], np.linspace(0, 1, 40), atol=0.05)
    assert np.allclose(images[1], np.linspace(0, 1, 30)[:, None], atol=0.05)


def test_a_picture_that_would_fill_the_memory_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pictures(tmp_path)
    for most in (10, 5):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)
        with pytest.raises(DataError, match=r"\.png in .* has more than 0 million pixels"):
            load(str(tmp_path))


def test_pictures_larger_than_memory_are_refused_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pictures(tmp_path)
    monkeypatch.setattr("os.sysconf", lambda name: 10)
    with pytest.raises(DataError, match="not enough memory"):
        load(str(tmp_path))


@pytest.mark.parametrize("name", ["1.png", "only/1.png"])
def test_pictures_without_two_classes_say_where_they_belong(tmp_path: Path, name: str) -> None:
    save_picture(tmp_path / "x" / name, IMAGES[0])
    with pytest.raises(DataError, match=r"has pictures, such as .*1\.png, but not in folders"):
        load(str(tmp_path / "x"))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "x" / name, name)
    with pytest.raises(DataError, match="not in folders of two classes or more: put the pictures"):
        load(str(tmp_path / "a.zip"))
    with pytest.raises(DataError, match="is a PNG picture, which cannot be read: put the pictures"):
        load(str(tmp_path / "x" / name))


def test_coloured_pictures_have_three_channels(tmp_path: Path) -> None:
    from mnistop.engine.data.readers.picture_folders import read_folder

    write_pictures(tmp_path)
    colour = np.zeros((4, 4, 3), np.uint8)
    colour[..., 0] = 200
    save_picture(tmp_path / "a" / "red.png", colour)
    stored = read_folder(tmp_path, lambda text: None, "off")
    assert stored
    (part,) = stored.parts
    assert part.images.shape == (COUNT + 1, 4, 4, 3)
    reds = [image for image in part.images if np.array_equal(image, colour)]
    grays = [image[..., 0].tobytes() for image in part.images if np.ptp(image, 2).max() == 0]
    assert len(reds) == 1
    assert sorted(grays) == ALL


def test_links_that_lead_back_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1").touch()
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "loop").symlink_to(".")
    (tmp_path / "a" / "up").symlink_to("..")
    assert list(files_below(tmp_path)) == [("a", "1"), ("b", "1")]
