"""Levels of folders above pictures: parts, groups such as writers, and classes."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistop.engine.data.readers.folder_levels import Arranged, arrange
from mnistop.engine.errors import DataError

DIGITS = "0123456789"


def arranged(folders: list[str]) -> Arranged:
    """Arrange a picture in each of some folders, given as their names with slashes between."""
    return arrange([(*folder.split("/"), f"{at}.png") for at, folder in enumerate(folders)], "here")


def grid(*levels: Any) -> list[str]:
    """All folders of which each level has one of some names."""
    return ["/".join(names) for names in product(*levels)]


def classes_of(found: Arranged) -> dict[str, str]:
    return {
        role: "".join(sorted({name for _, name in each})) for role, each in found.pictures.items()
    }


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ("a/1 b/2", {"train": "ab"}),
        ("x/a/1 x/b/2", {"train": "ab"}),
        ("x/a/1 x/b/2 x/example", {"train": "ab"}),
        ("a/x/1 a/2 b/3", {"train": "aab"}),
        ("train/1 car/2 test/3", {"train": ["train", "car", "test"]}),
        ("train/1 test/2", {}),
        ("images/1 masks/2", {}),
        ("train_images/1 train_masks/2", {}),
        ("s/1 t/2", {"train": "st"}),
        ("ta/1 tra/2", {"train": ["ta", "tra"]}),
        ("test/a/1 test/b/2", {"test": "ab"}),
        ("train/a/1 train/b/2 extra/a/3", {"train": "ab"}),
        ("train/a/1 train/b/2 test/c/3 test/4", {"train": "ab"}),
        ("train/a/1 train/b/2 test/b/x/3", {"train": "ab", "test": "b"}),
        ("train/a/1 train/b/2 val/3", {"train": "ab"}),
        ("valid/b/1 train/b/2 train/a/3", {"train": "ba", "validation": "b"}),
        ("train_a/1 train_b/2 test_a/3 test_b/4", {"train": "ab", "test": "ab"}),
        ("trainA/1 trainB/2 testA/3 testB/4", {"train": "AB", "test": "AB"}),
        ("1 2", {}),
        ("", {}),
    ],
)
def test_folders_become_parts_and_classes(paths: str, expected: dict[str, Any]) -> None:
    arranged = arrange([tuple(path.split("/")) for path in paths.split()], "here")
    found = {role: [name for _, name in each] for role, each in arranged.pictures.items()}
    assert found == {role: list(names) for role, names in expected.items()}


NAMES = st.sampled_from(["a", "b", "train", "test", "t", "val", "x.png"])


@given(st.lists(st.lists(NAMES, min_size=1, max_size=4).map(tuple)))
def test_no_picture_is_taken_twice_or_left_out_silently(paths: list[tuple[str, ...]]) -> None:
    try:
        arranged = arrange(paths, "here")
    except DataError:
        return
    indices = [index for each in arranged.pictures.values() for index, _ in each]
    assert len(set(indices)) == len(indices)
    assert arranged.left_out or len(indices) == len(paths)


@pytest.mark.parametrize(
    "names",
    ["trn tst val", "tr te cv", "TrainImages test_images ValData", "training testing validation"],
)
def test_abbreviated_names_of_parts_are_understood(names: str) -> None:
    for levels in ((names.split(), DIGITS), (DIGITS, names.split())):
        found = arrange([(*pair, "1.png") for pair in product(*levels)], "here")
        assert classes_of(found) == dict.fromkeys(("train", "validation", "test"), DIGITS)
        assert not found.notes


@pytest.mark.parametrize(
    ("folders", "groups"),
    [
        (grid(["w1", "w2"], DIGITS), "w1, w2"),
        (grid(["w1", "w2"], DIGITS)[:-3], "w1, w2"),
        (grid(["Anna, a child", "Ben"], DIGITS), "'Anna, a child', Ben"),
        (grid("123", DIGITS), "1, 2, 3"),
        ([f"w{digit}/{digit}" for digit in DIGITS], "w0, w1, w2, …"),
        (grid(["w1", "w2"], ["pictures"], DIGITS), "w1, w2"),
        (grid(["session_1", "session_2"], ["w1", "w2"], DIGITS), "session_1, session_2, w1, …"),
    ],
)
def test_the_folders_of_writers_are_taken_together(folders: list[str], groups: str) -> None:
    found = arranged(folders)
    assert classes_of(found) == {"train": DIGITS}
    assert len(found.pictures["train"]) == len(folders)
    assert found.notes == [
        "The classes are the inner folders (0, 1, 2, …), and pictures of all outer ones are taken "
        f"together ({groups})."
    ]


@pytest.mark.parametrize(
    "folders",
    [
        grid(["train"], ["w1", "w2"], DIGITS) + grid(["test"], ["w3"], DIGITS),
        grid(["w1", "w2"], ["train", "test"], DIGITS),
        grid(["w1", "w2"], DIGITS, ["train", "test"]),
    ],
)
def test_parts_and_writers_may_be_above_each_other(folders: list[str]) -> None:
    found = arranged(folders)
    assert classes_of(found) == {"train": DIGITS, "test": DIGITS}
    assert sum(map(len, found.pictures.values())) == len(folders)
    assert "(w1, w2)" in found.notes[0]


@pytest.mark.parametrize(
    ("folders", "inner"),
    [
        (grid(DIGITS, ["session1", "session2"]), "session1, session2"),
        (["fish/ray", "fish/shark", "bird/owl", "bird"], "owl, ray, shark"),
    ],
)
def test_folders_in_those_of_classes_are_taken_together(folders: list[str], inner: str) -> None:
    (note,) = arranged(folders).notes
    assert note.startswith("The classes are the outer folders (")
    assert note.endswith(f"), and pictures of all folders in each are taken together ({inner}).")


def test_an_only_folder_in_that_of_each_class_says_nothing() -> None:
    found = arranged(grid(["n01440764", "n02102040"], ["images"]))
    assert len(found.pictures["train"]) == 2
    assert not found.notes


def test_classes_are_not_guessed() -> None:
    with pytest.raises(DataError) as told:
        arranged(grid(["cat", "dog"], ["left", "right"]))
    assert str(told.value) == (
        "Either the outer folders of here could be the classes (cat, dog) or those in them (left, "
        "right), as all have the same: put the pictures of each class into a single folder with "
        "its name."
    )


def test_a_part_that_is_there_twice_is_told() -> None:
    found = arranged(grid(["train", "train_more", "test"], "ab"))
    assert found.notes == ["train, train_more are taken together, as training pictures."]


def test_pictures_of_other_classes_and_of_none_are_told() -> None:
    found = arranged(["train/Cat", "train/Dog", "test/cat", "test/dog", "val", "val"])
    assert classes_of(found) == {"train": "CatDog"}
    assert found.left_out == [
        "2 validation pictures in no folder of a class",
        "2 test pictures of classes without training pictures (cat, dog)",
    ]


def test_accents_are_the_same_however_they_are_stored() -> None:
    found = arranged(["train/caf\u00e9", "train/b", "test/cafe\u0301"])
    assert found.pictures["test"][0][1] == "caf\u00e9"
