"""Training on images in colour: shifts move all channels alike, and all paths compute the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import load_data
from mnistop.engine.export.images_file import ImagesFile
from mnistop.engine.export.training_code import TrainingCode
from mnistop.engine.training.examples import make_examples, shifted
from mnistop.engine.training.loop import train
from mnistop.engine.training.state import TrainState
from tests.helpers.color_images import SHAPE, write_npz
from tests.helpers.small_runs import CPU, QuietListener


def test_a_shift_moves_all_channels_of_an_image_alike() -> None:
    images = torch.rand(20, *SHAPE)
    together = shifted(images, 2, torch.Generator().manual_seed(3))
    assert together.shape == images.shape
    for channel in range(3):
        alone = shifted(images[..., channel], 2, torch.Generator().manual_seed(3))
        assert torch.equal(together[..., channel], alone)


@pytest.fixture
def source(tmp_path: Path) -> str:
    return str(write_npz(tmp_path / "colors.npz"))


def config_of(source: str, **values: Any) -> RunConfig:
    usual = {"source": source, "samples": 60, "hidden": (8,), "epochs": 4, "lr": 0.5}
    return RunConfig(**(usual | {"batch_size": 8, "device": "cpu"} | values))


def trained(config: RunConfig, by_hand: bool = True) -> tuple[TrainState, QuietListener]:
    examples = make_examples(load_data(config), config)
    training = TrainState(config, examples.image_shape, examples.counts.training, CPU)
    training.by_hand = by_hand
    listener = QuietListener()
    train(training, examples.training, examples.validation, listener, listener)
    return training, listener


SETTINGS: list[dict[str, Any]] = [
    {},
    {"shift": 1},
    {"shift": 2, "adversarial_epsilon": 0.05},
    {"hidden": (), "shift": 1},
]


@pytest.mark.parametrize("values", SETTINGS)
def test_images_in_colour_are_learned_alike_with_and_without_autograd(
    source: str, values: dict[str, Any]
) -> None:
    config = config_of(source, **values)
    fast, heard = trained(config)
    slow, _ = trained(config, by_hand=False)
    assert fast.model.sizes == (90, *config.hidden, 3)
    for one, other in zip(fast.weights.values(), slow.weights.values(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    assert heard.epochs[-1].val_acc > 0.9 or values


def test_the_exported_shift_moves_all_channels_as_the_run_did(source: str) -> None:
    config = config_of(source, shift=2)
    examples = make_examples(load_data(config), config)
    code = TrainingCode(config, examples.sizes(config), SHAPE, "loop.npz", "cpu", 1, False)
    known: dict[str, Any] = {"max_shift": 2}
    exec("\n".join([*code.imports(), *code.augmentation()]), known)
    images = examples.training.pixels
    torch.manual_seed(7)
    exported = known["shift"](images)
    own = shifted(images.view(-1, *SHAPE), 2, torch.Generator().manual_seed(7)).flatten(1)
    assert torch.equal(exported, own)
    assert not torch.equal(exported, images)


def test_the_images_file_of_exported_code_has_the_rows_of_the_run(source: str) -> None:
    config = config_of(source)
    examples = make_examples(load_data(config), config)
    arrays = ImagesFile.of(examples, "loop.npz").arrays
    assert arrays["train_images"].dtype == np.uint8
    assert np.array_equal(arrays["train_images"] / np.float32(255), examples.training.pixels)
