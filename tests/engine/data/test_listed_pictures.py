"""Pictures whose classes are in a table beside them."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mnistop.engine.data.dataset import Dataset
from mnistop.engine.data.sources import load
from mnistop.engine.errors import DataError
from tests.helpers.data_files import some_images, unseen_of

COUNT = 12
IMAGES = some_images(COUNT)
LABELS = np.array(["bag", "boot", "top"])[np.arange(COUNT) % 3]
NAMES = [f"{index}.png" for index in range(COUNT)]
ORDER = np.random.default_rng(0).permutation(COUNT)


def save(folder: Path, names: Sequence[str] = NAMES, first: int = 0) -> None:
    for name, image in zip(names, IMAGES[first:], strict=False):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / name)


def listing(names: Sequence[str] = NAMES) -> pd.DataFrame:
    return pd.DataFrame({"filename": names, "label": LABELS}).iloc[ORDER]


def check(dataset: Dataset) -> None:
    assert np.array_equal(dataset.images, IMAGES[ORDER] / np.float32(255))
    assert [dataset.class_names[label] for label in dataset.labels] == LABELS[ORDER].tolist()


@pytest.mark.parametrize("source", ["", "labels.csv", "images,labels.csv"])
def test_a_table_beside_pictures_has_their_classes(tmp_path: Path, source: str) -> None:
    save(tmp_path / "images")
    listing().to_csv(tmp_path / "labels.csv", index=False)
    check(load(",".join(str(tmp_path / name) for name in source.split(","))))


@pytest.mark.parametrize(
    "names",
    [
        NAMES,
        [str(index) for index in range(COUNT)],
        [f"images/{name}" for name in NAMES],
        [f"C:\\Users\\me\\images\\{name}" for name in NAMES],
        [f"/content/data/images/{name}" for name in NAMES],
    ],
)
def test_names_may_be_paths_or_lack_their_endings(tmp_path: Path, names: list[str]) -> None:
    save(tmp_path / "images")
    listing(names).to_csv(tmp_path / "labels.csv", index=False)
    check(load(str(tmp_path)))


@pytest.mark.parametrize("header", [False, ["photo_url", "breed"], ["ImageId", "Category"]])
def test_names_of_pictures_are_known_by_their_endings(
    tmp_path: Path, header: bool | list[str]
) -> None:
    save(tmp_path)
    listing().to_csv(tmp_path / "labels.csv", index=False, header=header)
    check(load(str(tmp_path)))


@pytest.mark.parametrize("table", ["train.csv", "trainLabels.csv"])
def test_kaggles_training_and_test_pictures_may_have_the_same_names(
    tmp_path: Path, table: str
) -> None:
    save(tmp_path / "test", NAMES[::-1])
    save(tmp_path / "train")
    numbers = [str(index) for index in range(COUNT)]
    listing(numbers).rename(columns={"filename": "id"}).to_csv(tmp_path / table, index=False)
    submission = pd.DataFrame({"id": numbers, "label": 0})
    submission.to_csv(tmp_path / "sample_submission.csv", index=False)
    submission[["id"]].to_csv(tmp_path / "test.csv", index=False)
    dataset = load(str(tmp_path))
    check(dataset)
    assert dataset.notes[0] == f"12 pictures that {table} does not name are left out."


def test_a_column_may_say_what_pictures_are_for(tmp_path: Path) -> None:
    save(tmp_path / "images")
    split = np.where(np.arange(COUNT) < 9, "train", "test")
    listing().assign(split=split).to_csv(tmp_path / "birds.csv", index=False)
    dataset = load(str(tmp_path))
    assert np.array_equal(dataset.images, IMAGES[ORDER[:9]] / np.float32(255))
    assert len(unseen_of(dataset)[1]) == 3


def test_missing_pictures_are_counted(tmp_path: Path) -> None:
    listing().to_csv(tmp_path / "labels.csv", index=False)
    with pytest.raises(DataError, match=r"names pictures, such as .*png, and none of them is"):
        load(str(tmp_path / "labels.csv"))
    save(tmp_path / "images", NAMES[1:])
    with pytest.raises(DataError, match=r"1 of 12 pictures named in .* cannot be found below"):
        load(str(tmp_path))


def test_a_table_without_the_names_of_pictures_needs_them(tmp_path: Path) -> None:
    save(tmp_path / "images", [f"input_{name}" for name in NAMES])
    table = pd.DataFrame({"sample_id": range(COUNT), "label": LABELS})
    table.to_csv(tmp_path / "labels.csv", index=False)
    with pytest.raises(
        DataError, match=r"as 0, .*: add a column called filename .* input_\d.*, or"
    ):
        load(str(tmp_path))


def test_pictures_of_the_same_name_are_ambiguous(tmp_path: Path) -> None:
    for folder in ("images/a", "images/b"):
        save(tmp_path / folder)
    listing().to_csv(tmp_path / "labels.csv", index=False)
    with pytest.raises(DataError, match=r"several pictures of the name .*name them with their"):
        load(str(tmp_path / "labels.csv"))


def test_folders_and_a_table_may_give_different_classes(tmp_path: Path) -> None:
    parts = [f"part_{index % 2}/{name}" for index, name in enumerate(NAMES)]
    save(tmp_path, parts)
    listing().to_csv(tmp_path / "labels.csv", index=False)
    with pytest.raises(DataError, match=r"labels\.csv gives other classes to the pictures below"):
        load(str(tmp_path))
    check(load(str(tmp_path / "labels.csv")))


def test_folders_and_a_table_may_give_the_same_classes(tmp_path: Path) -> None:
    save(tmp_path, [f"{label}/{name}" for label, name in zip(LABELS, NAMES, strict=True)])
    listing().to_csv(tmp_path / "labels.csv", index=False)
    assert load(str(tmp_path)).class_names == ("bag", "boot", "top")


@pytest.mark.parametrize("in_parts", [False, True])
def test_a_zip_archive_is_read_as_its_folder(tmp_path: Path, in_parts: bool) -> None:
    save(tmp_path, [f"part_{index % (in_parts + 1)}/{name}" for index, name in enumerate(NAMES)])
    listing().to_csv(tmp_path / "labels.csv", index=False)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for path in tmp_path.rglob("*.*"):
            if path.suffix != ".zip":
                archive.write(path, path.relative_to(tmp_path))
    if not in_parts:
        dataset = load(str(tmp_path / "a.zip"))
        check(dataset)
        assert not any("Not used" in note for note in dataset.notes)
        return
    with pytest.raises(DataError, match=r"labels\.csv gives other classes to the pictures below"):
        load(str(tmp_path / "a.zip"))


def test_pictures_of_the_same_name_are_known_by_their_folders(tmp_path: Path) -> None:
    names = [f"{index}/front/image.png" for index in range(COUNT)]
    save(tmp_path, names)
    listing([name.removesuffix(".png") for name in names]).to_csv(
        tmp_path / "labels.csv", index=False
    )
    check(load(str(tmp_path / "labels.csv")))
