"""The shifts of training images, and what they are good for."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from mnistop.engine.config import RunConfig
from mnistop.engine.training.examples import shifted
from mnistop.engine.training.loop import train
from tests.helpers.small_runs import BatchListener, digits_config, prepared, trained


def moved(image: np.ndarray, down: int, right: int) -> np.ndarray:
    """An image moved by whole pixels, the gap filled with 0."""
    height, width = image.shape
    result = np.zeros_like(image)
    for row in range(height):
        for column in range(width):
            if 0 <= row - down < height and 0 <= column - right < width:
                result[row, column] = image[row - down, column - right]
    return result


def shifts_of(image: np.ndarray, result: np.ndarray, most: int) -> list[tuple[int, int]]:
    """The shifts by which an image may have become another."""
    reach = range(-most, most + 1)
    return [
        (down, right)
        for down in reach
        for right in reach
        if np.array_equal(moved(image, down, right), result)
    ]


@settings(max_examples=40, deadline=None)
@given(
    most=st.integers(0, 4),
    height=st.integers(1, 6),
    width=st.integers(1, 6),
    seed=st.integers(0, 2**32),
)
def test_a_shift_moves_each_image_at_most_so_far_and_fills_with_black(
    most: int, height: int, width: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(5, height, width, generator=generator)
    result = shifted(images, most, generator)
    for before, after in zip(images.numpy(), result.numpy(), strict=True):
        assert shifts_of(before, after, most)


def test_all_shifts_come_equally_often_both_ways() -> None:
    images = torch.rand(1, 5, 5).expand(1800, 5, 5)
    result = shifted(images, 1, torch.Generator().manual_seed(0))
    found = [shifts_of(images[0].numpy(), after, 1)[0] for after in result.numpy()]
    counts = {shift: found.count(shift) for shift in set(found)}
    assert len(counts) == 9
    assert all(140 < count < 260 for count in counts.values())


def test_training_sees_every_image_shifted_anew_in_each_epoch() -> None:
    training, images, validation = prepared(digits_config(shift=2, epochs=2, samples=40))
    training.by_hand = False
    seen: list[np.ndarray] = []

    def look(model: nn.Module, batch: tuple[Tensor, ...]) -> None:
        if model.training:
            seen.append(batch[0].reshape(-1, 8, 8).numpy())

    listener = BatchListener()
    with training.model.register_forward_pre_hook(look):
        train(training, images, validation, listener, listener)

    originals = images.pixels.reshape(-1, 8, 8).numpy()
    by_row: dict[int, list[tuple[int, int]]] = {}
    for batch, (_, rows) in zip(seen, listener.batches, strict=True):
        for image, row in zip(batch, rows.tolist(), strict=True):
            by_row.setdefault(row, []).append(shifts_of(originals[row], image, 2)[0])
    assert len(by_row) == 32
    assert sum(first != second for first, second in by_row.values()) > 20


@pytest.mark.slow
def test_shifts_raise_the_validation_accuracy_on_1000_images() -> None:
    def accuracy(shift: int) -> float:
        _, epochs = trained(RunConfig(shift=shift, epochs=60, device="cpu"))
        return float(np.mean([epoch.val_acc for epoch in epochs[-10:]]))

    assert accuracy(2) > accuracy(0) + 0.02
