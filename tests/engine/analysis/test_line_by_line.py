"""The numbers of the loop, line by line, against those of its training."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch.nn import functional

from mnistop.engine.analysis.line_by_line import LINES, LoopState, run_lines
from mnistop.engine.config import RunConfig
from mnistop.engine.errors import DataError
from mnistop.engine.training.update_rule import update_rule
from tests.helpers.small_runs import digits_config, prepared

STEP = len(LINES)

RULES: dict[str, dict[str, Any]] = {
    "manual": {},
    "manual, decay": {"weight_decay": 0.1},
    "clipping": {"clip_norm": 0.1},
    "sgd": {"optimizer": "sgd", "momentum": 0.0},
    "momentum": {"optimizer": "sgd", "weight_decay": 0.1, "clip_norm": 0.5},
    "adam": {"optimizer": "adam", "lr": 0.01, "weight_decay": 0.1},
    "adamw": {"optimizer": "adamw", "lr": 0.01, "weight_decay": 0.1},
    "rmsprop": {"optimizer": "rmsprop", "lr": 0.001, "weight_decay": 0.1},
    "schedule": {"schedule": "cosine", "batch_size": 100},
}


@pytest.mark.parametrize("values", RULES.values(), ids=RULES)
def test_the_formulas_with_their_numbers_make_the_weight_after_the_update(
    values: dict[str, Any],
) -> None:
    config = digits_config(**values)
    for lines in (STEP, 3 * STEP):
        for index in (None, (2, 3, 4), (1, 5, 0)):
            state = run_lines(config, lines, weight=index)
            update = state.update
            assert update
            assert update.lines[-1].result == pytest.approx(state.weight.value, abs=1e-7)
            known = {"sqrt": math.sqrt}
            for line in update.lines:  # as a reader would compute them
                by_hand = eval(line.numbers, known)
                assert by_hand == pytest.approx(line.result, rel=1e-3, abs=1e-6)
            assert [line.assignment for line in update.lines] == update_rule(config)


def test_each_line_shows_what_it_has_computed_and_no_more() -> None:
    config = digits_config()
    states = [run_lines(config, lines) for lines in range(STEP + 2)]
    assert [state.logits is not None for state in states] == [False, *[True] * 6]
    assert [state.loss is not None for state in states] == [False] * 2 + [True] * 4 + [False]
    gradients = [state.weight.gradient is not None for state in states]
    assert gradients == [False] * 4 + [True] * 3
    assert [state.update is not None for state in states] == [False] * 5 + [True, False]
    assert [state.line for state in states] == [0, 1, 2, 3, 4, 5, 1]
    assert [state.number for state in states] == [0] * 6 + [1]


def test_the_numbers_of_one_image_are_those_of_the_model() -> None:
    config = digits_config(hidden=(16, 12))
    state = run_lines(config, 4, place=3, weight=(2, 1, 5))
    training, images, _ = prepared(config)
    training.by_hand = False
    training.begin_epoch(images.labels)
    rows = training.order[:32]
    logits = training.model(images.pixels[rows])
    loss = functional.cross_entropy(logits, images.labels[rows])
    loss.backward()
    parameters = list(training.model.parameters())

    assert state.image.row == rows[3]
    assert state.image.label == images.labels[rows[3]]
    assert state.image.pixels.reshape(-1).tolist() == images.pixels[rows[3]].tolist()
    assert state.logits is not None
    torch.testing.assert_close(torch.from_numpy(state.logits), logits[3].detach())
    assert state.image_loss == pytest.approx(
        functional.cross_entropy(logits[3], images.labels[rows[3]]).item(), abs=1e-6
    )
    assert state.loss == pytest.approx(loss.item(), abs=1e-6)
    assert [output.shape for output in state.outputs] == [
        *[(32, 64), (32, 16), (32, 16), (32, 12), (32, 12), (32, 10)]
    ]
    norms = [parameter.grad.norm().item() for parameter in parameters if parameter.grad is not None]
    assert [parameter.norm for parameter in state.parameters] == pytest.approx(norms, rel=1e-5)
    assert state.norm == pytest.approx(math.hypot(*norms), rel=1e-5)
    assert parameters[2].grad is not None
    assert state.weight.gradient == pytest.approx(parameters[2].grad[1, 5].item(), rel=1e-5)


def test_the_loss_is_weighted_and_the_batch_drawn_where_that_is_configured() -> None:
    config = digits_config(class_weights="balanced", sampler="balanced")
    state = run_lines(config, 2, place=3)
    training, images, _ = prepared(config)
    counts = torch.bincount(images.labels)
    draws = torch.multinomial(
        (1 / counts.double())[images.labels],
        len(images),
        replacement=True,
        generator=torch.Generator().manual_seed(config.seed + 1),
    )
    rows = draws[:32]
    labels = images.labels[rows]
    weights = len(images) / (10 * counts)
    loss = functional.cross_entropy(training.model(images.pixels[rows]), labels, weights)
    assert state.image.row == rows[3]
    assert state.loss == pytest.approx(loss.item(), abs=1e-6)
    assert state.class_weight == pytest.approx(weights[labels[3]].item())
    assert run_lines(digits_config(), 2).class_weight == 1


def test_the_first_weight_shown_is_the_one_along_which_the_loss_is_steepest() -> None:
    for values in ({}, {"hidden": ()}, {"adversarial_epsilon": 0.1}):
        config = digits_config(**values)
        chosen = run_lines(config, 0).weight.index
        assert run_lines(config, 4, weight=chosen).weight.steepest == chosen


@pytest.mark.parametrize(
    ("asked", "shown"),
    [((9, 99, 99), (3, 9, 0)), ((0, -1, 64), (0, 0, 63)), ((1, 3, 7), (1, 3, 0))],
)
def test_the_nearest_weight_and_image_are_shown_where_there_is_no_such(
    asked: tuple[int, int, int], shown: tuple[int, int, int]
) -> None:
    state = run_lines(digits_config(), 1, place=99, weight=asked)
    assert (state.weight.index, state.image.place) == (shown, 31)


def test_adversarial_images_follow_the_clean_ones() -> None:
    clean, attacked = (
        run_lines(digits_config(adversarial_epsilon=0.1), 1, place=place).image for place in (3, 35)
    )
    assert (clean.row, clean.label) == (attacked.row, attacked.label)
    assert (clean.is_adversarial, attacked.is_adversarial) == (False, True)
    assert abs(attacked.pixels - clean.pixels).max() == pytest.approx(0.1, abs=1e-6)


def numbers(state: LoopState) -> tuple[object, ...]:
    return state.lines_run, state.losses, state.weight, state.parameters, state.update


def test_an_earlier_line_can_be_gone_back_to() -> None:
    config = digits_config(dropout=0.3, shift=1)
    first = run_lines(config, 7)
    run_lines(config, 60)
    assert numbers(run_lines(config, 7)) == numbers(first)


def test_losses_fall_and_the_end_of_an_epoch_is_evaluated() -> None:
    state = run_lines(digits_config(lr=0.5), 10 * STEP)
    assert state.losses[-1] < 0.9 * state.losses[0]
    assert len(state.validation) == 1


def test_an_update_lowers_the_loss_of_its_batch() -> None:
    state = run_lines(digits_config(), STEP)
    assert state.update
    assert state.update.loss is not None
    assert state.loss is not None
    assert state.update.loss < state.loss
    dropped_out = run_lines(digits_config(dropout=0.3), STEP)
    assert dropped_out.update
    assert dropped_out.update.loss is None


def test_no_line_runs_after_the_end() -> None:
    state = run_lines(digits_config(epochs=1, batch_size=200), 1000)
    assert (state.lines_run, state.ended) == (2 * STEP, "1 epoch of 1: training is over.")


def test_data_that_cannot_be_loaded_are_an_error() -> None:
    with pytest.raises(DataError):
        run_lines(RunConfig(source="/nowhere/at/all"), 0)
