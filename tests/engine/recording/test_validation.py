"""Validation images in all the forms that loops have them in."""

import random
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch.utils.data import DataLoader, Subset, TensorDataset

from mnistop.engine.errors import DataError
from mnistop.engine.recording.validation import Validation, read_validation

LEVELS = np.random.default_rng(0).integers(0, 256, (30, 8, 8), np.uint8)
PIXELS = np.divide(LEVELS, 255, dtype=np.float32)
LABELS = np.arange(30) % 10


class Items:
    """A dataset of one's own."""

    def __len__(self) -> int:
        return 30

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return PIXELS[index], int(LABELS[index])


def as_tensors() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(PIXELS), torch.from_numpy(LABELS)


def loader_of_a_part() -> DataLoader[Any]:
    both = TensorDataset(*map(torch.cat, zip(as_tensors(), as_tensors(), strict=True)))
    return DataLoader(Subset(both, range(30, 60)), batch_size=7, num_workers=2)


FORMS = {
    "arrays": lambda: (PIXELS, LABELS),
    "flat": lambda: (PIXELS.reshape(30, 64), LABELS),
    "channel first": lambda: (PIXELS[:, None], LABELS),
    "channel last": lambda: (PIXELS[..., None], LABELS),
    "lists": lambda: [PIXELS.tolist(), LABELS.tolist()],
    "tensors": as_tensors,
    "with gradients": lambda: (as_tensors()[0].requires_grad_(), as_tensors()[1]),
    "labels as texts": lambda: (PIXELS, LABELS.astype(str).astype(object)),
    "labels as floats": lambda: (PIXELS, LABELS.astype(float)),
    "labels as a column": lambda: (PIXELS, LABELS[:, None]),
    "dataset": Items,
    "tensor dataset": lambda: TensorDataset(*as_tensors()),
    "loader": loader_of_a_part,
    "doubles": lambda: (LEVELS / 255, LABELS),
}


@pytest.mark.parametrize("form", FORMS)
def test_images_and_labels_are_the_same_in_every_form(form: str) -> None:
    read = read_validation(FORMS[form]())
    assert np.array_equal(read.pixels, PIXELS)
    assert np.array_equal(read.labels, LABELS)
    assert read.labels.dtype == np.uint8
    assert read.class_names == tuple("0123456789")
    assert read.image_shape == (8, 8)
    assert read.counts() == [3] * 10
    assert not read.notes


def test_levels_are_shown_as_pixels_and_given_to_the_model_as_they_are() -> None:
    read = read_validation((LEVELS, LABELS))
    assert np.array_equal(read.pixels, PIXELS)
    assert np.array_equal(read.inputs, LEVELS)
    assert read.normalize == (0.0, pytest.approx(1 / 255))


@pytest.mark.parametrize("normalize", [(0.1307, 0.3081), ((0.1307,), (0.3081,))])
def test_normalized_images_are_shown_as_they_were(normalize: Any) -> None:
    inputs = ((torch.from_numpy(PIXELS) - 0.1307) / 0.3081)[:, None]
    read = read_validation((inputs, LABELS), normalize=normalize)
    assert np.array_equal(read.pixels, PIXELS)
    assert np.array_equal(read.inputs, inputs.numpy())
    assert read.fingerprint() == read_validation((PIXELS, LABELS)).fingerprint()


def test_images_normalized_in_secret_are_scaled_and_the_remedy_is_named() -> None:
    read = read_validation(((PIXELS - 0.1307) / 0.3081, LABELS))
    assert "normalize=(mean, std)" in read.notes[0]
    assert read.pixels.min() == 0
    assert read.pixels.max() == 1
    assert read.normalize is not None
    mean, std = read.normalize
    assert np.allclose(read.inputs * std + mean, read.pixels, atol=1e-6)


def test_images_that_are_no_levels_stay_as_they_are() -> None:
    pixels = np.random.default_rng(1).random((5, 4, 4), np.float32)
    read = read_validation((pixels, [0, 1, 2, 1, 0]))
    assert np.array_equal(read.pixels, pixels)
    assert read.fingerprint().white == 1


COLORS = np.random.default_rng(2).random((6, 5, 4, 3), np.float32)
PLANES = np.moveaxis(COLORS, 3, 1)
MEANS, STDS = np.array([0.4, 0.5, 0.6], np.float32), np.array([0.2, 0.3, 0.4], np.float32)


@pytest.mark.parametrize(
    ("inputs", "normalize"),
    [
        (PLANES, None),
        (COLORS, None),
        (torch.from_numpy((PLANES - MEANS[:, None, None]) / STDS[:, None, None]), (MEANS, STDS)),
        ((COLORS - MEANS) / STDS, (MEANS.tolist(), STDS.tolist())),
    ],
)
def test_images_in_colour_are_shown_in_colour(inputs: Any, normalize: Any) -> None:
    read = read_validation((inputs, [0, 1] * 3), normalize=normalize)
    assert read.image_shape == (5, 4, 3)
    assert np.allclose(read.pixels, COLORS, atol=1e-6)
    assert not read.notes
    assert read.input_shapes()[0] == tuple(inputs.shape[1:])
    mean, std = read.normalize_inputs or (0, 0)
    flat = read.inputs.reshape(6, -1) * std + mean
    assert np.allclose(flat[:, read.order], read.pixels.reshape(6, -1), atol=1e-6)


def test_images_with_the_channels_last_are_given_to_no_model_as_if_they_came_first() -> None:
    assert read_validation((COLORS, [0, 1] * 3)).input_shapes() == [(5, 4, 3), (60,)]
    assert read_validation((PLANES, [0, 1] * 3)).input_shapes() == [(3, 5, 4), (60,)]


def test_a_fourth_channel_is_not_shown() -> None:
    opacity = np.ones((6, 5, 4, 1), np.float32)
    read = read_validation((np.concatenate([COLORS, opacity], 3), [0, 1] * 3))
    assert read.image_shape == (5, 4, 3)
    assert read.normalize is None
    assert "fourth channel" in read.notes[0]


def test_shapes_that_a_model_may_take() -> None:
    assert read_validation((PIXELS, LABELS)).input_shapes() == [(8, 8), (1, 8, 8), (64,)]
    flat = read_validation((PIXELS.reshape(-1, 64), LABELS))
    assert flat.input_shapes() == [(64,), (1, 8, 8)]


def test_later_changes_of_the_loop_s_arrays_do_not_matter() -> None:
    pixels = PIXELS.copy()
    read = read_validation((pixels, LABELS))
    pixels[:] = 0
    assert np.array_equal(read.inputs, PIXELS)


@pytest.mark.parametrize("classes", [12, [f"class {k}" for k in range(12)]])
def test_classes_that_no_validation_image_has(classes: Any) -> None:
    read = read_validation((PIXELS, LABELS), classes)
    assert len(read.class_names) == 12
    assert read.names_given


def test_names_of_classes_cannot_steer_a_terminal() -> None:
    read = read_validation((PIXELS, LABELS % 2), ["\x1b[2Jzero\n", "x" * 1000])
    assert read.class_names == ("?[2Jzero?", "x" * 40)


REFUSED = {
    "nothing": (None, "Dataset or a DataLoader, not a NoneType"),
    "a string": ("images", "a pair (images, labels)"),
    "three arrays": ((PIXELS, LABELS, LABELS), "of the Dataset are"),
    "too few labels": ((PIXELS, LABELS[1:]), "30 images and 29 labels"),
    "no images": ((PIXELS[:0], LABELS[:0]), "no images"),
    "negative labels": ((PIXELS, LABELS - 1), "The label -1 is out of range"),
    "many classes": ((PIXELS, LABELS * 30), "more than 256 classes"),
    "half labels": ((PIXELS, LABELS / 2), "whole numbers"),
    "words": ((PIXELS, np.array(["seven"] * 30)), "whole numbers"),
    "one-hot": ((PIXELS, np.eye(10)[LABELS]), "shape (n,)"),
    "nan": ((np.full((30, 8, 8), np.nan), LABELS), "not a number"),
    "text images": ((np.array([["a"] * 64] * 30), "x"), "no real numbers"),
    "no square": ((PIXELS.reshape(30, 64)[:, :63], LABELS), "are no images"),
    "volumes": ((PIXELS.reshape(30, 4, 4, 2, 2), LABELS), "are no images"),
    "ragged": (([[1, 2], [3]], [0, 1]), "no"),
    "numbers": ((3, 4), "shape (n,)"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_named(case: str) -> None:
    validation, words = REFUSED[case]
    with pytest.raises(DataError) as caught:
        read_validation(validation)
    assert words in str(caught.value)


def test_labels_beyond_the_named_classes_are_out_of_range() -> None:
    with pytest.raises(DataError, match="label 9 is out of range"):
        read_validation((PIXELS, LABELS), classes=["a", "b"])


@pytest.mark.parametrize("normalize", [0.5, (0.5, 0), (0.5, float("nan")), ("a", "b"), ([1, 2], 1)])
def test_no_normalization_that_makes_no_sense(normalize: Any) -> None:
    with pytest.raises(DataError, match="normalize"):
        read_validation((PIXELS, LABELS), normalize=normalize)


def test_reading_a_loader_changes_no_random_state() -> None:
    own = torch.Generator().manual_seed(3)

    class Noisy(Items):
        def __getitem__(self, index: int) -> tuple[Any, int]:
            random.random(), np.random.random(), torch.rand(1)
            return super().__getitem__(index)

    loader = DataLoader(Noisy(), batch_size=8, shuffle=True, generator=own)

    def drawn() -> list[float]:
        return [random.random(), np.random.random(), float(torch.rand(1))]

    def seeded() -> None:
        random.seed(1), np.random.seed(1), torch.manual_seed(1)

    seeded()
    expected, order = drawn(), torch.randperm(30, generator=own)
    own.manual_seed(3)
    seeded()
    read = read_validation(loader)
    assert drawn() == expected
    assert torch.equal(torch.randperm(30, generator=own), order)
    assert sorted(read.labels) == sorted(LABELS)


@given(
    arrays.arrays(
        st.sampled_from(["f4", "f8", "u1", "i4", "?"]),
        st.tuples(st.integers(0, 4), st.integers(0, 5), st.integers(0, 5)),
    ),
    st.lists(st.integers(-2, 300), max_size=4),
)
def test_whatever_is_given_is_read_or_refused(images: Any, labels: list[int]) -> None:
    try:
        read = read_validation((images, labels))
    except DataError:
        return
    assert isinstance(read, Validation)
    assert read.pixels.min() >= 0
    assert read.pixels.max() <= 1
    assert len(read.pixels) == len(read.labels) == len(labels)


@pytest.mark.process
def test_arrays_need_no_torch() -> None:
    code = """if True:
        import sys, numpy as np
        from mnistop.engine.recording.validation import read_validation
        read_validation((np.zeros((4, 2, 2)), [0, 1, 0, 1])).fingerprint()
        print("torch" in sys.modules)
        """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
