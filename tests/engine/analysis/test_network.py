"""A network's weights and an image's way through it, against plain PyTorch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mnistop.engine import events
from mnistop.engine.analysis.network import first_layer, first_walk, walk
from mnistop.engine.config import RunConfig
from mnistop.engine.errors import DataError, RunError
from mnistop.engine.files import write_atomically
from mnistop.engine.model import MLP
from mnistop.engine.recording.recorder import Recorder
from mnistop.engine.runs import checkpoint
from mnistop.engine.runs.run_folder import Run, create
from tests.helpers.small_runs import digits_config, prepared

SHAPE = (8, 8)
IMAGES = 50


def made(folder: Path, shape: tuple[int, int] = SHAPE, **values: Any) -> tuple[Run, MLP]:
    """A run of an untrained model, as a training process leaves it, and its model."""
    config: RunConfig = digits_config(**values)
    run, _ = create(config, folder)
    pixels = shape[0] * shape[1]
    sizes = [pixels, *config.hidden, 10]
    model = MLP(sizes, config.activation, generator=torch.Generator().manual_seed(3))
    images = np.random.default_rng(0).integers(0, 256, (IMAGES, pixels), np.uint8)
    write_atomically(run.path / "images.u8", images.tobytes())
    write_atomically(run.path / "labels.u8", (np.arange(IMAGES) % 10).astype(np.uint8).tobytes())
    Recorder(run).record(
        events.RunStarted,
        pid=1,
        class_names=list("0123456789"),
        image_shape=list(shape),
        training_images=200,
        validation_images=IMAGES,
        layers=sizes,
        parameters=0,
        device="cpu",
        versions={},
        val_loss=2.3,
        val_acc=0.1,
    )
    checkpoint.save(run.path / "checkpoint.pt", model.state_dict())
    weights = b"".join(value.numpy().tobytes() for value in model.state_dict().values())
    (run.path / "weights.f32").write_bytes(5 * weights)
    return run, model


def test_the_weights_are_images_and_the_second_layer_says_what_they_speak_for(
    tmp_path: Path,
) -> None:
    run, model = made(tmp_path, hidden=(16,))
    found = first_layer(run)
    first, second = model.layers
    assert found.sizes == (64, 16, 10)
    assert found.weights.shape == (16, 8, 8)
    weights = first.weight.detach().numpy()
    assert np.array_equal(found.weights[5, 3], weights[5, 24:32])
    assert np.array_equal(found.biases, first.bias.detach().numpy())
    assert np.allclose(found.norms, np.linalg.norm(weights, axis=1))
    assert np.allclose(found.to_classes, second.weight.detach().numpy().T)
    assert not found.is_single


def test_without_a_hidden_layer_each_neuron_is_its_class(tmp_path: Path) -> None:
    run, _ = made(tmp_path, hidden=())
    found = first_layer(run)
    assert found.is_single
    assert found.weights.shape == (10, 8, 8)
    assert np.array_equal(found.to_classes, np.eye(10))


def test_with_more_layers_all_paths_to_a_class_are_added_up(tmp_path: Path) -> None:
    run, model = made(tmp_path, hidden=(12, 7, 5))
    found = first_layer(run)
    _, second, third, last = (layer.weight.detach().numpy() for layer in model.layers)
    paths = sum(
        second[b, 3] * third[c, b] * last[9, c]
        for b in range(len(second))
        for c in range(len(third))
    )
    assert found.to_classes.shape == (12, 10)
    assert found.to_classes[3, 9] == pytest.approx(paths, abs=1e-6)


def test_oblong_images_keep_their_height_and_width(tmp_path: Path) -> None:
    run, model = made(tmp_path, shape=(4, 6), hidden=(3,))
    assert first_layer(run).weights.shape == (3, 4, 6)
    assert np.array_equal(
        first_layer(run).weights[2].ravel(), model.layers[0].weight[2].detach().numpy()
    )
    assert walk(run, 0).image_shape == (4, 6)


@pytest.mark.parametrize(
    ("hidden", "steps"),
    [
        ((), ["input", "linear_1", "softmax"]),
        ((16,), ["input", "linear_1", "tanh", "linear_2", "softmax"]),
        (
            (9, 8, 7),
            [
                "input",
                *["linear_1", "tanh", "linear_2", "tanh", "linear_3", "tanh", "linear_4"],
                "softmax",
            ],
        ),
    ],
)
def test_the_way_names_every_step_and_its_shape(
    tmp_path: Path, hidden: tuple[int, ...], steps: list[str]
) -> None:
    run, model = made(tmp_path, hidden=hidden, activation="tanh", batch_size=32)
    found = walk(run, 7)
    assert [step.name for step in found.steps] == steps
    assert [step.shape for step in found.steps][:-1] == [shape for _, shape in model.shapes(32)]
    assert found.steps[-1].shape == (32, 10)
    total = sum(parameter.numel() for parameter in model.parameters())
    assert sum(step.parameters for step in found.steps) == total


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_the_values_are_those_of_the_model_for_that_image(tmp_path: Path, activation: str) -> None:
    run, model = made(tmp_path, hidden=(16, 9), activation=activation)
    found = walk(run, 33)
    image = torch.from_numpy(run.images(SHAPE)[33].reshape(1, -1))
    with torch.no_grad():
        hidden = getattr(torch.nn.functional, activation)(model.layers[0](image))
        logits = model(image)
    assert (found.row, found.label) == (33, 3)
    assert np.array_equal(found.steps[0].values, image[0].numpy())
    assert np.allclose(found.steps[2].values, hidden[0].numpy(), atol=1e-6)
    assert np.allclose(found.steps[-2].values, logits[0].numpy(), atol=1e-6)
    assert np.allclose(found.steps[-1].values, logits[0].softmax(0).numpy(), atol=1e-6)


def test_the_last_batch_is_as_small_as_it_is(tmp_path: Path) -> None:
    run, _ = made(tmp_path, batch_size=32)
    assert walk(run, 31).steps[0].shape == (32, 64)
    assert walk(run, 32).steps[0].shape == (IMAGES - 32, 64)


def test_earlier_weights_are_the_nearest_that_are_kept(tmp_path: Path) -> None:
    run, _ = made(tmp_path)
    assert first_layer(run, 3).epochs == 3
    assert walk(run, 0, 9).epochs == 4


def test_what_cannot_be_answered_gets_a_sentence(tmp_path: Path) -> None:
    run, _ = made(tmp_path)
    with pytest.raises(RunError, match=f"images 0 to {IMAGES - 1}, not {IMAGES}"):
        walk(run, IMAGES)
    (run.path / "images.u8").unlink()
    with pytest.raises(RunError, match="kept no validation images"):
        walk(run, 0)
    first_layer(run)
    for path in (run.path / "checkpoint.pt", run.path / "weights.f32"):
        path.unlink()
    with pytest.raises(RunError, match="has no weights yet"):
        first_layer(run)


@pytest.mark.parametrize("values", [{}, {"hidden": (), "seed": 3}, {"hidden": (16, 12)}])
def test_before_training_the_way_is_that_of_the_first_weights(values: dict[str, Any]) -> None:
    config = digits_config(**values)
    training, _, validation = prepared(config)
    found = first_walk(config, 45)
    logits = training.model(validation.pixels[45:46])[0].detach()
    assert (found.walk.epochs, found.images, len(found.class_names)) == (0, 80, 10)
    assert found.walk.label == validation.labels[45]
    np.testing.assert_allclose(found.walk.steps[-2].values, logits, atol=1e-6)
    assert found.walk.steps[1].shape == (32, training.model.sizes[1])
    assert first_walk(config, 80 + 45).walk.row == 45


def test_a_network_without_data_is_an_error() -> None:
    with pytest.raises(DataError):
        first_walk(RunConfig(source="/nowhere/at/all"), 0)
