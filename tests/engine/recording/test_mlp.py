"""Models of people's own loops: MLPs found in whatever way they are written, others refused."""

import copy
import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from mnistop.engine.model import MLP
from mnistop.engine.recording.mlp import NOT_POSSIBLE, FoundMLP, find
from mnistop.engine.recording.validation import read_validation
from tests.helpers.mlps import (
    FLAT,
    FOUND,
    MEAN,
    STD,
    Normalises,
    Notebook,
    images,
    logits_of,
    sequential,
    trained_a_little,
)
from tests.helpers.other_models import REFUSED, AndHidden, NeedsMore, UsesTwice


@pytest.mark.parametrize("name", FOUND)
def test_an_mlp_is_found_in_whatever_way_it_is_written(name: str) -> None:
    make, shape, layers, activation = FOUND[name]
    torch.manual_seed(2)
    inputs = images(*shape)
    model = trained_a_little(make(), inputs.clone())

    found = find(model, inputs, None)

    assert isinstance(found, FoundMLP), found
    assert (found.layers, found.activation, found.note) == (layers, activation, "")
    assert found.parameters == sum(each.numel() for each in MLP(layers).parameters())
    with torch.no_grad():
        expected = model.eval()(inputs.clone())
    torch.testing.assert_close(logits_of(found, inputs), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", REFUSED)
def test_any_other_model_is_refused_in_a_sentence(name: str) -> None:
    make, shape, sentence = REFUSED[name]
    assert find(make(), images(*shape)) == sentence + NOT_POSSIBLE


def test_a_model_that_fails_or_needs_more_is_refused_in_a_sentence() -> None:
    for model, shape in ((NeedsMore(), FLAT), (Notebook(), (35,)), (UsesTwice(), FLAT)):
        said = find(model, images(*shape))
        assert isinstance(said, str)
        assert said.endswith(NOT_POSSIBLE)
        assert "\n" not in said


def test_logits_may_come_with_more() -> None:
    found = find(AndHidden(), images(36))
    assert isinstance(found, FoundMLP), found
    assert found.layers == (36, 8, 10)


@pytest.mark.process
def test_finding_does_not_load_the_compiler() -> None:
    """It would take longer than everything else that a recording does."""
    script = (
        "import sys, torch\n"
        "from mnistop.engine.recording.mlp import FoundMLP, find\n"
        "from torch import nn\n"
        "model = nn.Sequential(nn.Linear(36, 8), nn.ReLU(), nn.Linear(8, 10))\n"
        "assert isinstance(find(model, torch.rand(5, 36)), FoundMLP)\n"
        "assert 'torch._dynamo' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_weights_that_are_not_finite_are_refused() -> None:
    model = Notebook()
    nn.init.constant_(model.linear_2.bias, float("nan"))
    said = find(model, images(36))
    assert said == "The model's weights are not all finite numbers" + NOT_POSSIBLE


@pytest.mark.parametrize(
    ("last", "kind"),
    [
        (nn.Softmax(1), "probabilities"),
        (nn.LogSoftmax(-1), "log-probabilities"),
    ],
)
def test_softmax_at_the_end_is_left_out_and_that_is_noted(last: nn.Module, kind: str) -> None:
    inputs = images(1, 6, 6)
    model = sequential(nn.ReLU(), last=last)
    found = find(model, inputs)
    assert isinstance(found, FoundMLP), found
    assert found.note == f"The model gives {kind}; it is kept without its softmax and gives logits."
    outputs = model(inputs)
    outputs = outputs.log() if kind == "probabilities" else outputs
    torch.testing.assert_close(logits_of(found, inputs).log_softmax(1), outputs.detach())


def test_the_normalisation_goes_into_the_first_layer() -> None:
    pixels = images(1, 6, 6)
    inputs = (pixels - MEAN) / STD
    model = trained_a_little(sequential(nn.ReLU()), inputs)

    found = find(model, inputs, (MEAN, STD))

    assert isinstance(found, FoundMLP), found
    with torch.no_grad():
        expected = model(inputs)
    torch.testing.assert_close(logits_of(found, pixels), expected, rtol=1e-4, atol=1e-5)


def test_a_model_of_images_in_colour_becomes_one_of_pixels_with_the_channels_last() -> None:
    colors = images(4, 3, 3)
    mean, std = torch.tensor([0.4, 0.5, 0.6]), torch.tensor([0.2, 0.3, 0.4])
    inputs = ((colors - mean) / std).movedim(-1, 1)
    model = trained_a_little(nn.Sequential(nn.Flatten(), nn.Linear(36, 10)), inputs)
    read = read_validation((inputs, torch.arange(20) % 10), normalize=(mean, std))

    found = find(model, inputs, read.normalize_inputs, read.order)

    assert isinstance(found, FoundMLP), found
    with torch.no_grad():
        expected = model(inputs)
    pixels = torch.from_numpy(read.pixels)
    torch.testing.assert_close(logits_of(found, pixels), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_models_in_another_precision_are_found(dtype: torch.dtype) -> None:
    model = Notebook().to(dtype)
    found = find(model, images(36))
    assert isinstance(found, FoundMLP), found
    assert next(model.parameters()).dtype is dtype
    torch.testing.assert_close(found.weights["linear_1.weight"], model.linear_1.weight.float())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # TorchScript is deprecated, and says so
def test_compiled_and_scripted_models_are_found() -> None:
    inputs = images(1, 6, 6)
    inside = nn.Sequential(torch.compile(sequential(nn.ReLU())), nn.Identity())
    in_place = sequential(nn.ReLU())
    in_place.compile()
    for model in (
        torch.compile(sequential(nn.ReLU())),
        inside,
        in_place,
        torch.jit.script(sequential(nn.ReLU())),
        torch.jit.trace(sequential(nn.ReLU()).eval(), inputs),
    ):
        found = find(model, inputs)
        assert isinstance(found, FoundMLP), found
        assert found.layers == (36, 8, 10)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_ways_of_normalising_the_weights_are_found() -> None:
    from torch.nn.utils import parametrizations, prune

    for change in (
        parametrizations.weight_norm,
        parametrizations.spectral_norm,
        nn.utils.weight_norm,
        lambda layer: prune.l1_unstructured(layer, "weight", 0.3),
    ):
        model = Notebook()
        change(model.linear_1)
        trained_a_little(model, images(36))
        found = find(model, images(36))
        assert isinstance(found, FoundMLP), found


@pytest.mark.parametrize("name", ["batch norm before", "drops always", "by hand", "noisy by numpy"])
def test_nothing_of_the_callers_changes(name: str) -> None:
    make, shape = {**FOUND, **REFUSED}[name][:2]
    inputs = images(*shape)
    model = trained_a_little(make(), inputs)
    next(iter(model.parameters())).requires_grad_(False)
    for module in model.modules():
        module.training = random.random() < 0.5
    before = copy.deepcopy((model.state_dict(), inputs))
    kept = [(each, each.grad, each.requires_grad, each.data_ptr()) for each in model.parameters()]
    modes = [module.training for module in model.modules()]
    states = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()
    grad_mode = torch.is_grad_enabled()

    find(model, inputs)

    for each, grad, required, place in kept:
        assert (each.grad is grad, each.requires_grad, each.data_ptr()) == (True, required, place)
    assert [module.training for module in model.modules()] == modes
    assert random.getstate() == states[0]
    assert (np.random.get_state()[1] == states[1]).all()
    assert torch.equal(torch.get_rng_state(), states[2])
    assert torch.is_grad_enabled() == grad_mode
    assert all(torch.equal(value, before[0][key]) for key, value in model.state_dict().items())
    assert torch.equal(inputs, before[1])


def test_a_model_is_found_under_any_setting_of_the_caller() -> None:
    inputs = images(1, 6, 6)
    model = Normalises()
    expected = find(model, inputs)
    assert isinstance(expected, FoundMLP)
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"), torch.autocast("cpu"), torch.inference_mode():
            found = find(model, inputs)
    finally:
        torch.set_default_dtype(torch.float32)
    assert isinstance(found, FoundMLP), found
    assert torch.equal(found.weights["linear_1.bias"], expected.weights["linear_1.bias"])


def test_the_copy_that_is_read_reports_to_nobody() -> None:
    """The model itself is called once, as for an evaluation."""
    seen: list[int] = []
    model = Notebook()
    model.linear_1.register_forward_hook(lambda *_: seen.append(1))
    assert isinstance(find(model, images(36)), FoundMLP)
    assert len(seen) == 1
