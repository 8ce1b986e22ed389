"""A loop's model, evaluated without changing anything in it."""

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from mnistop.engine.errors import DataError
from mnistop.engine.recording.evaluation import (
    Evaluator,
    Scores,
    checked_scores,
    log_probabilities,
)
from mnistop.engine.recording.validation import read_validation

IMAGES = np.random.default_rng(0).random((2500, 6, 6), np.float32)
LABELS = (np.arange(2500) % 4).astype(np.uint8)


def evaluator(images: Any = IMAGES) -> Evaluator:
    return Evaluator(read_validation((images, LABELS), classes=4))


def mlp() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 4))


def convolutional() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(32, 4))


def test_logits_are_those_of_the_model_in_evaluation_mode() -> None:
    model = mlp()
    found = evaluator().scores(model, 4)
    model.eval()
    assert np.allclose(found, model(torch.from_numpy(IMAGES)).detach().numpy(), atol=1e-5)


@pytest.mark.parametrize("images", [IMAGES, IMAGES.reshape(-1, 36), IMAGES[:, None]])
@pytest.mark.parametrize(
    "model", [mlp(), convolutional(), nn.Linear(36, 4)], ids=["mlp", "convolutional", "linear"]
)
def test_the_shape_that_fits_is_found(images: Any, model: nn.Module) -> None:
    found = evaluator(images).scores(model, 4)
    assert found.shape == (2500, 4)


@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(lambda model: model, id="bare"),
        pytest.param(nn.DataParallel, id="parallel"),
        pytest.param(
            lambda model: torch.compile(model, backend="eager"),
            id="compiled",
            marks=pytest.mark.slow,  # loading the compiler takes seconds
        ),
    ],
)
def test_wrapped_models_are_evaluated_as_the_bare_one(wrap: Any) -> None:
    model = mlp()
    expected = evaluator().scores(model, 4)
    assert np.array_equal(evaluator().scores(wrap(model), 4), expected)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_models_of_another_type_of_number(dtype: torch.dtype) -> None:
    found = evaluator().scores(mlp().to(dtype), 4)
    assert found.dtype == np.float32
    assert np.allclose(found, evaluator().scores(mlp(), 4), atol=0.1)


def test_functions_are_models_too() -> None:
    weights = torch.randn(36, 4, requires_grad=True)
    found = evaluator(IMAGES.reshape(-1, 36)).scores(lambda x: x @ weights, 4)
    assert np.allclose(found, IMAGES.reshape(-1, 36) @ weights.detach().numpy(), atol=1e-5)


def test_nothing_of_the_model_and_no_random_state_changes() -> None:
    class Noisy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = convolutional()
            self.frozen = nn.BatchNorm1d(4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            random.random(), random.gauss(), np.random.normal(), torch.rand(3)
            return self.frozen(self.layers(x))

    model = Noisy()
    model.frozen.eval()
    model.layers[0].weight.grad = torch.ones_like(model.layers[0].weight)
    modes = [module.training for module in model.modules()]
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    def seed() -> None:
        random.seed(1), np.random.seed(1), torch.manual_seed(1)

    def drawn() -> list[float]:
        return [
            *(random.random(), random.gauss(), np.random.random(), np.random.normal()),
            float(torch.rand(1)),
        ]

    seed()
    expected = [drawn() for _ in range(4)]
    seed()
    evaluated = evaluator()
    for number in expected:
        evaluated.scores(model, 4)
        assert drawn() == number
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert (model.layers[0].weight.grad == 1).all()
    assert torch.is_grad_enabled()


def test_the_modes_are_back_after_a_model_that_fails() -> None:
    model = nn.Sequential(nn.Dropout(), nn.Linear(7, 4))
    with pytest.raises(DataError, match=r"\(n, 6, 6\) and \(n, 1, 6, 6\) and \(n, 36\)"):
        evaluator().scores(model, 4)
    assert all(module.training for module in model.modules())


def test_a_step_of_a_loop_under_autocast_still_has_its_gradients() -> None:
    model = mlp()
    with torch.autocast("cpu", torch.bfloat16):
        evaluator().scores(model, 4)
        model(torch.from_numpy(IMAGES)).float().sum().backward()
    assert model[1].weight.grad is not None


def test_weights_that_change_later_do_not_change_what_was_recorded() -> None:
    model = nn.Linear(36, 4)
    found = evaluator().scores(model, 4)
    kept = found.copy()
    with torch.no_grad():
        model.weight.zero_()
    assert np.array_equal(found, kept)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (nn.Linear(36, 3), r"shape \(2500, 4\).*not \(2500, 3\)"),
        (nn.Linear(36, 1), "not .2500, 1."),
        ("model", "log_predictions"),
        (lambda x: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_what_is_no_model_for_these_images_is_named(model: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        evaluator().scores(model, 4)


def test_sharded_models_are_refused() -> None:
    class FullyShardedDataParallel(nn.Linear):
        pass

    with pytest.raises(DataError, match="sharded"):
        evaluator().scores(FullyShardedDataParallel(36, 4), 4)


def test_logits_log_probabilities_and_probabilities_mean_the_same() -> None:
    logits = torch.randn(50, 4, dtype=torch.float64) * 5
    expected = logits.log_softmax(1).numpy()
    for scores in (logits, logits.log_softmax(1), logits.softmax(1)):
        found = log_probabilities(checked_scores(scores, 50, 4))
        assert np.allclose(found, expected, atol=1e-4)
        assert (found <= 0).all()


def test_loss_and_accuracy_are_torch_s() -> None:
    logits = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(50) % 4
    scores = Scores(checked_scores(logits, 50, 4), labels.numpy().astype(np.uint8))
    assert scores.loss == pytest.approx(float(nn.functional.cross_entropy(logits, labels)), 1e-5)
    assert scores.accuracy == float((logits.argmax(1) == labels).double().mean())


def test_certain_probabilities_have_a_finite_loss() -> None:
    scores = Scores(np.eye(4, dtype=np.float32), np.array([0, 1, 2, 0], np.uint8))
    assert scores.accuracy == 0.75
    assert 20 < scores.loss < 25


def test_scores_that_are_not_finite_have_no_accuracy() -> None:
    scores = Scores(np.full((2, 2), np.nan, np.float32), np.zeros(2, np.uint8))
    assert np.isnan([scores.accuracy, scores.loss]).all()


@pytest.mark.parametrize("given", [None, "scores", [[1, 2], [3]], np.zeros((3, 4)), np.zeros(8)])
def test_scores_of_another_shape_are_refused(given: Any) -> None:
    with pytest.raises(DataError, match="scores"):
        checked_scores(given, 2, 4)
