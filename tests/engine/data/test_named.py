"""Images and labels among arrays: by their names, and the axis that counts them by the labels."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mnistop.engine.data.readers.named import align, pairs_in, parts_of, role_of
from mnistop.engine.errors import DataError

NAMES = {
    "images labels": ["images labels train"],
    "x_train y_train x_test y_test": ["x_train y_train train", "x_test y_test test"],
    "XTrain YTrain XTest YTest": ["XTrain YTrain train", "XTest YTest test"],
    "train/data train/target test/data": ["train/data train/target train"],
    "t10k-images t10k-labels": ["t10k-images t10k-labels test"],
    "val_images val_labels": ["val_images val_labels validation"],
    "dataset.train.images dataset.train.labels dataset.train.writers": [
        "dataset.train.images dataset.train.labels train"
    ],
    "kmnist-test-imgs kmnist-test-labels": ["kmnist-test-imgs kmnist-test-labels test"],
    "data images target feature_names target_names": ["images target train"],
    "img fine_label coarse_label": ["img fine_label train"],
    "x y x_train y_train": ["x_train y_train train"],
    "x y x_test y_test": ["x y train", "x_test y_test test"],
    "noisy_x noisy_y x y": ["x y train"],
    "extra/images extra/labels train/images train/labels": ["train/images train/labels train"],
    "mnist_images mnist_labels x_test y_test": [
        "mnist_images mnist_labels train",
        "x_test y_test test",
    ],
    "csvTrainImages_13440x1024 csvTrainLabel_13440x1 csvTestImages_9x1024 csvTestLabel_9x1": [
        "csvTrainImages_13440x1024 csvTrainLabel_13440x1 train",
        "csvTestImages_9x1024 csvTestLabel_9x1 test",
    ],
    "arr_0 arr_1": ["arr_0 arr_1 train"],
    "conv.weight conv.bias": [],
    "images class_names": [],
}


@pytest.mark.parametrize(("names", "pairs"), NAMES.items(), ids=NAMES)
def test_pairs_are_found_by_name(names: str, pairs: list[str]) -> None:
    found = pairs_in(names.split())
    assert [f"{pair.images} {pair.labels} {pair.role}" for pair in found] == pairs


@pytest.mark.parametrize(
    "names", ["fold0_x fold0_y fold1_x fold1_y", "a/train/x b/train/x a/train/y b/train/y"]
)
def test_several_pairs_for_a_use_are_refused(names: str) -> None:
    with pytest.raises(DataError, match=r" or .* may be meant: name a file or folder that"):
        pairs_in(names.split())


def test_what_is_not_used_is_named() -> None:
    arrays = dict.fromkeys(["x_train", "y_train", "x_test", "fold"], lambda: np.zeros((4, 2)))
    parts, notes = parts_of(arrays, "a.npz")
    assert [part.role for part in parts] == ["train"]
    assert notes == ["Not used in a.npz: x_test, fold."]


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("train-00000-of-00001.parquet", "train"),
        ("mnist_train.csv", "train"),
        ("training.pt", "train"),
        ("validation-00000.parquet", "validation"),
        ("t10k-images", "test"),
        ("testdata.h5", "test"),
        ("mnist.scale.t.bz2", "test"),
        ("latest.mat", None),
        ("contest.npz", None),
    ],
)
def test_the_use_of_a_file_is_in_its_name(name: str, role: str | None) -> None:
    assert role_of(name) == role


@given(
    images=arrays.arrays(
        st.sampled_from([np.uint8, np.int32, ">u2"]),
        arrays.array_shapes(min_dims=2, max_dims=4, min_side=1, max_side=5),
    ),
    column=st.sampled_from(["flat", "column", "row", "deep"]),
    moved=st.booleans(),
)
def test_images_are_brought_to_the_front_and_never_changed(
    images: Any, column: str, moved: bool
) -> None:
    count = len(images)
    labels = np.arange(count)
    stored = np.moveaxis(images, 0, -1) if moved else images
    shape = {"flat": (-1,), "column": (-1, 1), "row": (1, -1), "deep": (-1, 1, 1, 1)}[column]
    found, numbers, note = align(stored, labels.reshape(shape), "X")
    assert numbers.tolist() == labels.tolist()
    if moved and stored.shape[0] != count:
        assert np.array_equal(found, images)
        assert "its last axis counts the images" in note
    else:
        assert np.array_equal(found, stored)
        assert not note
