"""Questions about models of images in colour: attacks, exact smallest ε, certificates, weights."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch

from mnistop.engine.analysis.attack_set import attack_all
from mnistop.engine.analysis.fragility import AttackedImage, OwnImage, attack_image, bracket
from mnistop.engine.analysis.loading import load_model
from mnistop.engine.analysis.methods import METHODS
from mnistop.engine.analysis.network import classify, first_layer, walk
from mnistop.engine.data.sources import load
from mnistop.engine.images import CHANNELS
from mnistop.engine.runs.run_folder import Run
from tests.helpers.color_images import SHAPE, color_run, images

ROW = 4


@pytest.fixture(params=[(), (8,)], ids=["single layer", "hidden layer"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    return color_run(tmp_path, hidden=request.param)


def right_row(run: Run) -> int:
    """An image that the model classifies correctly."""
    known = (attack_image(run, row, 0.0) for row in range(9))
    return next(each.subject for each in known if not each.is_wrong)


@pytest.mark.parametrize("method", METHODS)
def test_every_attack_stays_within_its_norm_and_in_the_pixels_range(run: Run, method: str) -> None:
    attacked = attack_image(run, ROW, 0.1, method=method)
    assert attacked.image.shape == attacked.adversarial.shape == SHAPE
    assert np.array_equal(attacked.image * 255, images(9)[ROW])
    size = attacked.linf if METHODS[method].norm == "linf" else attacked.l2
    assert size <= 0.1 + 1e-6
    assert attacked.adversarial.min() >= 0
    assert attacked.adversarial.max() <= 1


def test_the_exact_smallest_epsilon_fools_the_model_and_one_below_it_does_not(run: Run) -> None:
    row = right_row(run)
    known = bracket(run, row)
    assert known.exact
    assert attack_image(run, row, known.path * (1 + 1e-4)).success
    assert not attack_image(run, row, known.path * (1 - 1e-4)).success


def test_no_perturbation_below_the_certified_epsilon_changes_the_prediction(run: Run) -> None:
    row = right_row(run)
    known = bracket(run, row)
    assert 0 < known.certified <= known.found <= known.path + 1e-6
    model, _ = load_model(run)
    flat = torch.from_numpy(run.images(SHAPE)[row]).flatten()
    signs = torch.randint(0, 2, (500, len(flat)), generator=torch.Generator().manual_seed(0))
    moved = (flat + known.certified * (2 * signs - 1)).clamp(0, 1)
    with torch.no_grad():
        predicted = model(moved).argmax(1)
    assert (predicted == row % 3).all()


def test_the_smallest_epsilon_of_a_single_layer_is_that_of_all_channels_together(
    tmp_path: Path,
) -> None:
    """Its margin falls by ε times the sum of all |weights|, as long as no pixel leaves [0, 1]."""
    run = color_run(tmp_path, hidden=())
    row = right_row(run)
    known = bracket(run, row)
    model, _ = load_model(run)
    weights = model.layers[0].weight.detach().numpy().reshape(3, *SHAPE)
    image = run.images(SHAPE)[row]
    label = row % 3
    for other in {0, 1, 2} - {label}:
        change = weights[other] - weights[label]
        moved = np.clip(image + known.found * 0.999 * np.sign(change), 0, 1)
        assert int(classify(run, moved).probabilities.argmax()) == label
    assert known.optimal
    assert known.certified == pytest.approx(known.found, rel=1e-4)


def test_a_pixel_counts_once_however_many_of_its_channels_change() -> None:
    image, moved = np.zeros((2, *SHAPE), np.float32)
    moved[0, 0] = 0.1
    moved[2, 3, 1] = 0.1
    nothing = np.zeros(3, np.float32)
    attacked = AttackedImage(0, 0, "fgsm", 0.1, None, 1, image, moved, nothing, nothing)
    assert attacked.l0 == 2
    assert attacked.linf == pytest.approx(0.1)
    assert attacked.l2 == pytest.approx(0.2)


def test_an_image_of_ones_own_in_colour_is_classified_and_attacked(run: Run) -> None:
    image = np.random.default_rng(0).random(SHAPE, np.float32)
    taken = int(classify(run, image).probabilities.argmax())
    attacked = attack_image(run, OwnImage(image), 0.05)
    assert attacked.label == taken
    assert attacked.adversarial.shape == SHAPE


def test_all_images_attacked_are_a_data_source_in_colour(run: Run, tmp_path: Path) -> None:
    found = attack_all(run, "fgsm", 0.1)
    (tmp_path / "attacked.npz").write_bytes(found.to_npz())
    dataset = load(str(tmp_path / "attacked.npz"))
    assert dataset.image_shape == SHAPE
    assert np.array_equal(dataset.images, found.images)
    assert np.load(io.BytesIO(found.to_npz()))["originals"].shape == (9, *SHAPE)


def test_weights_and_the_way_of_an_image_have_the_shape_of_the_images(run: Run) -> None:
    layer = first_layer(run)
    assert layer.weights.shape[1:] == SHAPE
    path = walk(run, ROW)
    assert path.image_shape == SHAPE
    shown = path.steps[0].values.reshape(SHAPE)
    assert np.array_equal(shown * 255, images(9)[ROW])
    assert shown.sum((0, 1)).argmax() == ROW % len(CHANNELS)
