"""Values that a person writes on one line, and the runs that they make."""

import math
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mnistop.engine.activations import ACTIVATIONS
from mnistop.engine.config import HYPERPARAMETERS, NAMES, RunConfig
from mnistop.engine.errors import ConfigError
from mnistop.engine.hyperparameters import as_text
from mnistop.engine.sweep.grid import MOST, around, plan, values, written
from mnistop.engine.sweep.presets import SWEEPS, sweep_preset

LISTED = tuple(name for name in NAMES if name not in ("source", "seed", "device"))


@st.composite
def grids(draw: st.DrawFn) -> dict[str, tuple[Any, ...]]:
    """Some hyperparameters with some of their usual values."""
    names = draw(st.lists(st.sampled_from(LISTED), min_size=0, max_size=3, unique=True))
    return {
        name: tuple(
            draw(
                st.lists(
                    st.sampled_from(HYPERPARAMETERS[name].usual),
                    min_size=1,
                    max_size=4,
                    unique=True,
                )
            )
        )
        for name in names
    }


def texts_of(grid: dict[str, tuple[Any, ...]]) -> dict[str, str]:
    return {name: written(name, found) for name, found in grid.items()}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("lr", "0.001,0.01,0.1,1", (0.001, 0.01, 0.1, 1.0)),
        ("lr", " 0.1 , 1e-3,0.10", (0.1, 0.001)),
        ("lr", "0.001..1", (0.001, 0.01, 0.1, 1.0)),
        ("lr", "0.001..1:7", (0.001, 0.00316, 0.01, 0.0316, 0.1, 0.316, 1.0)),
        ("lr", "1..0.01:3", (1.0, 0.1, 0.01)),
        ("lr", "0.1..0.1", (0.1,)),
        ("weight_decay", "0,1e-4..1e-2", (0.0, 0.0001, 0.001, 0.01)),
        ("dropout", "0..0.4", (0.0, 0.1, 0.2, 0.3, 0.4)),
        ("dropout", "0..0.4:3", (0.0, 0.2, 0.4)),
        ("batch_size", "16..128", (16, 32, 64, 128)),
        ("batch_size", "1..100:3", (1, 10, 100)),
        ("shift", "0..3", (0, 1, 2, 3)),
        ("shift", "0..3:9", (0, 1, 2, 3)),
        ("seed", "7..9", (7, 8, 9)),
        ("samples", "1000,2000,all", (1000, 2000, None)),
        ("hidden", "128; 256 128; none", ((128,), (256, 128), ())),
        ("hidden", "32..256", ((32,), (64,), (128,), (256,))),
        ("hidden", "256,128;", ((256, 128),)),
        ("hidden", "none,128", ((), (128,))),
        ("optimizer", "sgd,adam", ("sgd", "adam")),
        ("source", "bundled,../my data/train.npz", ("bundled", "../my data/train.npz")),
    ],
)
def test_what_a_person_writes(name: str, text: str, expected: tuple[Any, ...]) -> None:
    assert values(name, text) == expected


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("lr", "0.1,x", "Learning rate must be a number above 0 and at most 1,000, not 'x'."),
        ("lr", "0.1,,1", "Learning rate must be a number above 0 and at most 1,000, not empty."),
        ("lr", "0.1,-1", "Learning rate must be a number above 0 and at most 1,000, not '-1'."),
        ("lr", "0.1..", "range 0.1.. needs both ends, as in 0.001..1:4."),
        ("lr", "0.1..1:x", "has 2 to 1,000 values, as in 0.001..1:4."),
        ("lr", "0.1..1:1", "has 2 to 1,000 values"),
        ("weight_decay", "0..1", "goes by factors and cannot start at 0; list 0 separately"),
        ("shift", "0..1.5", "Shift must be a whole number"),
        ("samples", "500..all", "cannot end at all, as in 16..128:4."),
        ("seed", "0..5000", "has 5,001 whole numbers; say how many, as in 0..4:3."),
        ("hidden", "256,128", 'write "256; 128" for 2, or "256 128" for one.'),
        ("optimizer", "sgd,adma", "Optimizer must be one of manual, sgd, adam, adamw"),
    ],
)
def test_what_is_wrong_is_said_with_the_remedy(name: str, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        values(name, text)
    [sentence] = caught.value.problems.values()
    assert said in sentence
    assert list(caught.value.problems) == [name]


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        plan(RunConfig(), {"lr": "x", "shift": "-1", "epochs": "5"})
    assert list(caught.value.problems) == ["lr", "shift"]


def test_the_first_varies_slowest_and_seeds_slower_still() -> None:
    configs = plan(RunConfig(seed=7), {"lr": "0.1,1", "shift": "0,2", "epochs": "5"}, seeds=2)
    assert [(config.seed, config.lr, config.shift) for config in configs] == [
        (seed, lr, shift) for seed in (7, 8) for lr in (0.1, 1.0) for shift in (0, 2)
    ]
    assert {config.epochs for config in configs} == {5}


def test_what_has_no_effect_makes_no_second_run() -> None:
    configs = plan(RunConfig(), {"optimizer": "adam,sgd", "momentum": "0,0.9"})
    assert [(config.optimizer, config.momentum) for config in configs] == [
        ("adam", 0.0),
        ("sgd", 0.0),
        ("sgd", 0.9),
    ]


@pytest.mark.parametrize(
    ("texts", "seeds", "sample", "said"),
    [
        ({"seed": "0..999:1000", "lr": "0.1,1"}, 1, None, "That makes 2,000 runs"),
        ({"lr": "0.1,1"}, 501, None, "That makes 1,002 runs, and a sweep has 1,000 at most"),
        ({"lr": "0.001..1:900"}, 3, 400, "That makes 1,200 runs"),
        (dict.fromkeys(("lr", "dropout", "momentum", "shift"), "0.1..0.9:900"), 1, 5, "Shift"),
        ({"seed": "1,2"}, 2, None, "Seeds are given twice, as 2 and as 1,2: leave one out."),
        ({}, 0, None, "Seeds must be a whole number from 1 up, not 0."),
        ({"lr": "0.1,1"}, 1, 0, "Random must be a whole number from 1 up, not 0."),
    ],
)
def test_absurd_sweeps_are_refused(
    texts: dict[str, str], seeds: int, sample: int | None, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        plan(RunConfig(), texts, seeds, sample)


def test_a_sweep_may_have_a_thousand_runs_and_be_drawn_from_far_more() -> None:
    assert len(plan(RunConfig(), {"seed": "0..999"})) == MOST
    fields = ("lr", "weight_decay", "dropout")
    assert len(plan(RunConfig(), dict.fromkeys(fields, "0.1..0.9:900"), sample=5)) == 5
    with pytest.raises(ConfigError, match="That makes 656,100,000,000 runs"):
        plan(RunConfig(), dict.fromkeys((*fields, "momentum"), "0.1..0.9:900"), sample=5)


@pytest.mark.slow
@given(grids(), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_every_combination_comes_once_and_is_valid(
    grid: dict[str, tuple[Any, ...]], seeds: int, seed: int
) -> None:
    base = RunConfig(seed=seed)
    configs = plan(base, texts_of(grid), seeds)
    assert plan(base, texts_of(grid), seeds) == configs
    assert len(set(configs)) == len(configs)
    for config in configs:
        assert RunConfig.from_values({n: as_text(value) for n, value in config}) == config
    idle = {"momentum", "activation", "dropout"}
    if not grid.keys() & idle:
        assert len(configs) == seeds * math.prod(map(len, grid.values()))
    for name, found in grid.items():
        if name not in idle:
            assert {getattr(config, name) for config in configs} == set(found)
    untouched = set(NAMES) - grid.keys() - {"seed"}
    assert all(getattr(c, name) == getattr(base, name) for c in configs for name in untouched)


@pytest.mark.slow
@given(grids(), st.integers(1, 9), st.integers(0, 9), st.integers(1, 2))
def test_a_random_sample_is_a_part_of_the_grid_in_its_order(
    grid: dict[str, tuple[Any, ...]], sample: int, sample_seed: int, seeds: int
) -> None:
    base, texts = RunConfig(), texts_of(grid)
    everything = plan(base, texts)
    drawn = plan(base, texts, seeds, sample, sample_seed)
    assert plan(base, texts, seeds, sample, sample_seed) == drawn
    first = drawn[: len(drawn) // seeds]
    assert len(first) == min(sample, len(everything))
    if not grid.keys() & {"momentum", "activation", "dropout"}:  # else of equals any may be drawn
        assert first == [config for config in everything if config in first]


@pytest.mark.slow
@given(
    st.sampled_from(("lr", "weight_decay", "dropout", "clip_norm")),
    st.floats(1e-6, 0.9),
    st.floats(1e-6, 0.9),
    st.integers(2, 50),
)
def test_a_range_has_its_ends_and_goes_one_way_between_them(
    name: str, low: float, high: float, count: int
) -> None:
    assume(abs(high - low) > 1e-9 * high)
    found = values(name, f"{low!r}..{high!r}:{count}")
    assert (found[0], found[-1]) == (low, high)
    assert len(found) == count
    assert list(found) == sorted(found, reverse=low > high)


@given(
    st.sampled_from(("batch_size", "epochs", "shift", "early_stopping")),
    st.integers(1, 64),
    st.integers(1, 64),
    st.integers(2, 50),
)
def test_a_range_of_whole_numbers_has_each_once(name: str, low: int, high: int, count: int) -> None:
    found = values(name, f"{low}..{high}:{count}")
    assert (found[0], found[-1]) == (low, high)
    assert list(found) == sorted(set(found), reverse=low > high)
    assert len(found) <= count


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("lr", 0.3, "0.03, 0.3, 3"),
        ("lr", 1000.0, "100, 1000"),
        ("shift", 0, "0, 1, 2"),
        ("samples", None, "2000, 4000, all"),
        ("hidden", (128,), "64; 128; 256"),
        ("batch_size", 33, "32, 33, 64"),
        ("weight_decay", 0.0, "0, 1e-05, 0.0001"),
        ("activation", "tanh", ", ".join(ACTIVATIONS)),
        ("source", "digits", "digits"),
    ],
)
def test_values_to_try_around_one(name: str, value: Any, expected: str) -> None:
    assert written(name, around(name, value)) == expected
    assert values(name, expected) == around(name, value)


@pytest.mark.parametrize("name", NAMES)
def test_there_are_values_to_try_for_each_hyperparameter(name: str) -> None:
    for value in (getattr(RunConfig(), name), *HYPERPARAMETERS[name].usual):
        tried = around(name, value)
        assert value in tried
        assert values(name, written(name, tried)) == tried


@given(st.sampled_from(NAMES), st.text(max_size=12))
def test_any_text_is_values_or_one_sentence(name: str, text: str) -> None:
    try:
        found = values(name, text)
    except ConfigError as error:
        [sentence] = error.problems.values()
        assert sentence.endswith(".")
    else:
        assert 1 <= len(found) <= MOST
        assert all(RunConfig.from_values({name: each}) for each in found)


@pytest.mark.parametrize("name", SWEEPS)
def test_every_preset_is_a_small_sweep_whose_runs_differ(name: str) -> None:
    preset = sweep_preset(name.replace(" ", "-"))
    configs = preset.configs()
    assert len(set(configs)) == len(preset.variants) * preset.seeds == len(configs) <= 20
    assert all(RunConfig.from_values(dict(config)) == config for config in configs)
    assert {config.epochs for config in preset.configs(texts={"epochs": "3"}, seeds=1)} == {3}


def test_an_unknown_preset_is_told_which_there_are() -> None:
    with pytest.raises(ConfigError, match="There is no preset rates of sweeps; there are learning"):
        sweep_preset("rates")
