"""The range test's marks, held against what whole runs at these rates then do."""

import functools
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistop.engine import worker
from mnistop.engine.analysis.learning_rate_finder import (
    PER_DECADE,
    RangeTest,
    Trial,
    range_test,
    smoothed,
)
from mnistop.engine.analysis.learning_rates import assess_rate
from mnistop.engine.config import RunConfig
from mnistop.engine.errors import DataError
from mnistop.engine.runs.run_folder import list_runs
from tests.helpers.coached import Coached, coached
from tests.helpers.selection import one_in
from tests.helpers.small_runs import digits_config

NOTEBOOKS_ACCURACY = 0.895


@functools.cache
def of(config: RunConfig) -> RangeTest:
    return range_test(config)


def notebook(**values: object) -> RangeTest:
    return of(RunConfig(**({"device": "cpu"} | values)))  # type: ignore[arg-type]


def verdict(run: Coached) -> str:
    return assess_rate(run.history, run.config, run.predictions[-1]).verdict


# Whole runs at the marks.


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_the_notebooks_run_at_each_mark_is_what_the_mark_says(seed: int) -> None:
    test = notebook(seed=seed)
    assert list(test.marks) == ["too low", "good", "too high"]
    low, good, high = (coached(seed=seed, lr=rate) for rate in test.marks.values())

    assert low.last.kind == verdict(low) == "too low"
    assert "In 100 epochs training loss has fallen only from" in low.last.sentence

    assert verdict(good) == "works"
    in_interval = 1.96 * math.sqrt(NOTEBOOKS_ACCURACY * (1 - NOTEBOOKS_ACCURACY) / 200)
    assert good.history.epochs[-1].val_acc > NOTEBOOKS_ACCURACY - in_interval

    assert verdict(high) == "too high"
    losses = [epoch.train_loss for epoch in high.history.epochs]
    assert max(losses) > high.history.started.val_loss
    assert min(losses[3:]) > 0.97 * math.log(10)


@pytest.mark.slow
@pytest.mark.parametrize(
    "values",
    [
        {"optimizer": "adam", "epochs": 40},
        {"optimizer": "sgd", "batch_size": 64},
        {"activation": "tanh", "epochs": 30},
        {"source": "digits", "samples": 600, "hidden": (32,), "epochs": 60},
    ],
    ids=lambda values: "-".join(map(str, values.values())),
)
def test_the_marks_hold_for_other_configurations(values: dict[str, object]) -> None:
    test = notebook(**values)
    said = {name: verdict(coached(**values, lr=rate)) for name, rate in test.marks.items()}
    assert said == {"too low": "too low", "good": "works", "too high": "too high"}


@pytest.mark.slow
@pytest.mark.parametrize("rate", one_in(3, [0.0001, 0.0003, 0.0006]))
def test_the_curve_foretells_the_loss_of_a_whole_run_at_a_low_rate(rate: float) -> None:
    foretold = notebook().after_run(rate)
    assert foretold == pytest.approx(coached(lr=rate).history.epochs[-1].train_loss, abs=0.05)


def test_of_rates_that_are_not_low_nothing_is_foretold() -> None:
    test = notebook()
    assert test.good
    assert test.after_run(test.good) is None


@pytest.mark.slow
def test_a_single_layer_that_tells_all_classes_apart_has_no_rate_that_is_too_high() -> None:
    test = notebook(hidden=())
    assert list(test.marks) == ["too low", "good"]
    assert all(trial.accuracy > 0.9 for trial in test.trials)
    run = coached(hidden=(), lr=20)
    assert run.history.epochs[-1].train_acc == 1
    assert verdict(run) == "works"


@pytest.mark.slow
def test_a_shorter_run_needs_larger_steps() -> None:
    long, short = notebook(), notebook(epochs=1)
    assert short.steps == 25
    assert short.too_low > 20 * long.too_low  # type: ignore[operator]
    assert short.good > 2 * long.good  # type: ignore[operator]
    assert short.too_high == long.too_high


@pytest.mark.slow
def test_a_schedule_counts_only_the_steps_that_it_leaves() -> None:
    assert notebook(schedule="cosine", epochs=20).steps == pytest.approx(25 * 20 / 2, rel=0.06)
    assert notebook(schedule="step", epochs=20).steps == pytest.approx(25 * 20 * 0.5275)


# The test itself.


def test_the_curve_rises_in_equal_factors_until_the_loss_has_blown_up() -> None:
    test = notebook()
    np.testing.assert_allclose(test.rates[1:] / test.rates[:-1], 10 ** (1 / PER_DECADE[0]))
    assert test.start == pytest.approx(math.log(10), abs=0.05)
    np.testing.assert_allclose(test.losses[:40], test.start, atol=0.001)
    assert test.losses[:-1].max() <= 4 * test.start < test.losses[-1]
    assert 0.1 < test.lowest < 1
    assert test.losses.min() < 1


@pytest.mark.slow
def test_its_own_rate_changes_nothing_and_the_seed_decides_all() -> None:
    test, same, other = notebook(), notebook(lr=7.0), notebook(seed=1)
    np.testing.assert_array_equal(test.losses, same.losses)
    assert test.marks == same.marks
    assert test.trials == same.trials
    assert not np.array_equal(test.losses[:100], other.losses[:100])


def test_where_nothing_is_learned_there_are_no_marks() -> None:
    test = of(digits_config(clip_norm=1e-9))
    assert not test.falls
    assert test.marks == {}
    assert math.isfinite(test.losses.max())


@pytest.mark.parametrize(
    "values",
    one_in(
        3,
        [
            {"dropout": 0.3, "shift": 1, "epochs": 10},
            {"adversarial_epsilon": 0.1, "optimizer": "adamw", "weight_decay": 0.01},
            {"hidden": (16, 16), "activation": "gelu", "batch_size": 3},
        ],
    ),
    ids=lambda values: "-".join(map(str, values)),
)
def test_it_takes_every_configuration(values: dict[str, object]) -> None:
    test = of(digits_config(**values))
    assert test.too_low
    assert test.good
    assert test.too_low < test.good < test.lowest


def test_a_run_of_a_few_steps_has_no_good_rate() -> None:
    test = of(digits_config(batch_size=1_000_000))
    assert test.steps == 3
    assert list(test.marks) == ["too low", "too high"]


@given(
    first=st.floats(0.1, 10),
    others=st.lists(st.floats(0, 1e6) | st.just(math.inf), max_size=60),
)
def test_smoothed_losses_stay_between_the_least_and_the_greatest(
    first: float, others: list[float]
) -> None:
    losses = np.array([first, *others])
    found, counted = smoothed(losses), np.minimum(losses, 10 * first)
    assert len(found) == len(losses)
    assert (found >= counted.min() - 1e-9 * first).all()
    assert (found <= counted.max() + 1e-9 * first).all()


def test_a_trial_has_failed_only_if_neither_loss_nor_accuracy_is_better_than_guessing() -> None:
    assert Trial(3.0, 2.32, 0.11).has_failed(2.3, 10)
    assert Trial(3.0, math.inf, 0.0).has_failed(2.3, 10)
    assert not Trial(3.0, 7.4, 0.97).has_failed(2.3, 10)
    assert not Trial(3.0, 1.9, 0.2).has_failed(2.3, 10)


@pytest.mark.process
async def test_another_process_gives_the_same_answer_says_what_it_does_and_makes_no_run(
    runs_folder: Path, tmp_path: Path
) -> None:
    config = digits_config()
    said = tmp_path / "said"
    found = await worker.ask_at_low_priority(range_test, config, said)
    worker.close()
    np.testing.assert_array_equal(found.losses, of(config).losses)
    assert found.marks == of(config).marks
    assert said.read_text().startswith("trying the learning rate")
    assert list_runs() == []


def test_data_that_are_not_there_are_told() -> None:
    with pytest.raises(DataError, match="/nowhere"):
        range_test(digits_config(source="/nowhere"))
