"""Values of hyperparameters, right and wrong."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistop.engine import config
from mnistop.engine.activations import ACTIVATIONS
from mnistop.engine.config import NAMES, PRESETS, RunConfig
from mnistop.engine.errors import ConfigError


def numbers(low: float, high: float, **options: Any) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False, **options)


VALID = st.fixed_dictionaries(
    {},
    optional={
        "source": st.text(min_size=1).map(str.strip).filter(bool),
        "samples": st.none() | st.integers(2, 10**9),
        "pixel_range": st.just("auto") | st.tuples(numbers(-1e30, 0), numbers(1e-30, 1e30)),
        "resize": st.just("off") | st.tuples(st.integers(1, 1024), st.integers(1, 1024)),
        "split": st.sampled_from(["given", "random"]),
        "stratify": st.sampled_from(["off", "on"]),
        "sampler": st.sampled_from(["shuffle", "balanced"]),
        "class_weights": st.sampled_from(["none", "balanced"]),
        "val_fraction": numbers(0, 1, exclude_min=True, exclude_max=True),
        "split_seed": st.integers(0, 2**32 - 1),
        "seed": st.integers(0, 2**32 - 1),
        "epochs": st.integers(1, 1_000_000),
        "batch_size": st.integers(1, 1_000_000),
        "hidden": st.lists(st.integers(1, 65_536), max_size=32).map(tuple),
        "activation": st.sampled_from(config.HYPERPARAMETERS["activation"].choices),
        "optimizer": st.sampled_from(config.HYPERPARAMETERS["optimizer"].choices),
        "lr": numbers(0, 1000, exclude_min=True),
        "momentum": numbers(0, 1, exclude_max=True),
        "weight_decay": numbers(0, 100),
        "dropout": numbers(0, 1, exclude_max=True),
        "schedule": st.sampled_from(config.HYPERPARAMETERS["schedule"].choices),
        "shift": st.integers(0, 64),
        "adversarial_epsilon": numbers(0, 1),
        "early_stopping": st.integers(0, 1_000_000),
        "clip_norm": numbers(0, 1_000_000),
        "threads": st.just("auto") | st.integers(1, 1024),
        "device": st.sampled_from(config.HYPERPARAMETERS["device"].choices),
    },
)

OUT_OF_BOUNDS = {
    "source": [("", "bundled, digits, openml, or the path of a folder or file", "empty")],
    "samples": [(1, "a whole number from 2 up, or all", "1"), ("some", "or all", "'some'")],
    "pixel_range": [
        ("1 0", "black and white, the lower one first", "'1 0'"),
        ("0 0", "the lower one first", "'0 0'"),
        ("0 nan", "two numbers", "'0 nan'"),
        ("-inf 0", "two numbers", "'-inf 0'"),
        ("0 1e300", "from -1e+30 to 1e+30", "'0 1e300'"),
        ("0 1e-300", "the lower one first", "'0 1e-300'"),
        ("0 1 2", "two numbers", "'0 1 2'"),
        ("bright", "auto, or", "'bright'"),
        ([1], "two numbers", "[1]"),
    ],
    "resize": [
        ("0", "off, or height and width", "'0'"),
        ("28 1025", "two whole numbers from 1 to 1,024", "'28 1025'"),
        ("1 2 3", "off, or height and width", "'1 2 3'"),
        ("small", "off, or height and width", "'small'"),
    ],
    "split": [("official", "one of given, random", "'official'")],
    "stratify": [("yes", "one of off, on", "'yes'")],
    "sampler": [("weighted", "one of shuffle, balanced", "'weighted'")],
    "class_weights": [("1 2", "one of none, balanced", "'1 2'")],
    "val_fraction": [
        (0.0, "a number above 0 and below 1", "0"),
        (1, "a number above 0 and below 1", "1"),
    ],
    "split_seed": [(-1, "a whole number from 0 up", "-1"), (2**32, "4,294,967,296", str(2**32))],
    "seed": [(-1, "a whole number from 0 up", "-1"), (2**32, "4,294,967,296", str(2**32))],
    "epochs": [
        (0, "a whole number from 1 up and at most 1,000,000", "0"),
        ("1000001", "at most 1,000,000", "'1000001'"),
        (1.5, "a whole number", "1.5"),
        (None, "a whole number", "null"),
    ],
    "batch_size": [(0, "a whole number from 1 up", "0"), (1_000_001, "at most 1,000,000", "100")],
    "hidden": [
        ("128 0", "up to 32 whole numbers from 1 to 65,536", "'128 0'"),
        ("65537", "up to 32 whole numbers from 1 to 65,536", "'65537'"),
        ("1 " * 33, "up to 32 whole numbers", "1 1"),
        ("12.5", "or none", "'12.5'"),
    ],
    "activation": [("swish", f"one of {', '.join(ACTIVATIONS)}", "'swish'")],
    "optimizer": [("adagrad", "one of manual, sgd, adam, adamw, rmsprop", "'adagrad'")],
    "lr": [
        (0, "a number above 0 and at most 1,000", "0"),
        ("1000.5", "at most 1,000", "'1000.5'"),
        ("nan", "a number", "'nan'"),
        (float("inf"), "a number", "inf"),
        ("fast", "a number", "'fast'"),
    ],
    "momentum": [(-0.1, "a number from 0 up and below 1", "-0.1"), (1.0, "below 1", "1")],
    "weight_decay": [(-1e-9, "a number from 0 up and at most 100", "-1e-09"), (101, "100", "101")],
    "dropout": [(-0.5, "a number from 0 up and below 1", "-0.5"), (1.0, "below 1", "1")],
    "schedule": [("linear", "one of constant, cosine, step", "'linear'")],
    "shift": [(-1, "a whole number from 0 up and at most 64", "-1"), (65, "at most 64", "65")],
    "adversarial_epsilon": [(-0.1, "a number from 0 up and at most 1", "-0.1"), (1.5, "1", "1.5")],
    "early_stopping": [(-1, "a whole number from 0 up", "-1"), (1_000_001, "1,000,000", "1000001")],
    "clip_norm": [(-1, "a number from 0 up and at most 1,000,000", "-1"), (2e6, "1,000", "2e+06")],
    "threads": [
        (0, "auto, or a whole number from 1 up and at most 1,024", "0"),
        (1025, "1,024", "1025"),
        ("many", "auto", "'many'"),
    ],
    "device": [("tpu", "one of auto, cpu, cuda, mps", "'tpu'")],
}


def problems_of(values: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        RunConfig.from_values(values)
    return caught.value.problems


@given(VALID)
def test_a_configuration_comes_back_from_its_json_as_it_was(values: dict[str, Any]) -> None:
    made = RunConfig.from_values(values)
    assert RunConfig.from_values(json.loads(json.dumps(dict(made)))) == made


@given(VALID)
def test_every_value_can_be_typed_as_it_is_shown(values: dict[str, Any]) -> None:
    made = RunConfig.from_values(values)
    texts = {name: config.as_text(value) for name, value in made if name != "source"}
    assert RunConfig.from_values(texts | {"source": made.source}) == made


def test_bounds_are_tested_for_every_hyperparameter() -> None:
    assert set(OUT_OF_BOUNDS) == set(NAMES)


@pytest.mark.parametrize(
    ("name", "value", "range_in_words", "shown"),
    [(name, *case) for name, cases in OUT_OF_BOUNDS.items() for case in cases],
)
def test_a_wrong_value_is_told_in_one_sentence(
    name: str, value: Any, range_in_words: str, shown: str
) -> None:
    (problem,) = problems_of({name: value}).values()
    assert problem.startswith(f"{config.HYPERPARAMETERS[name].label.capitalize()} must be ")
    allowed, _, given = problem.partition(", not ")
    assert range_in_words in allowed
    assert shown in given
    assert problem.endswith(".")
    assert problem.count(". ") == 0


def test_all_wrong_values_are_told_at_once_each_by_its_name() -> None:
    problems = problems_of({"lr": -1, "epochs": 0, "seed": 3})
    assert list(problems) == ["epochs", "lr"] or list(problems) == ["lr", "epochs"]


@pytest.mark.parametrize(
    ("name", "meant"), [("epoch", "epochs"), ("learning_rate", None), ("batchsize", "batch_size")]
)
def test_an_unknown_hyperparameter_is_named_and_a_near_one_proposed(
    name: str, meant: str | None
) -> None:
    (problem,) = problems_of({name: 1}).values()
    assert name in problem
    assert (f"did you mean {meant}?" in problem) == (meant is not None)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("hidden", "256 128", (256, 128)),
        ("hidden", "256, 128", (256, 128)),
        ("hidden", "none", ()),
        ("hidden", "", ()),
        ("samples", "all", None),
        ("samples", " ALL ", None),
        ("samples", "500", 500),
        ("lr", "1e-3", 0.001),
        ("epochs", " 7 ", 7),
        ("source", " digits ", "digits"),
    ],
)
def test_values_may_be_typed_as_people_write_them(name: str, text: str, value: Any) -> None:
    assert getattr(RunConfig.from_values({name: text}), name) == value


def test_a_configuration_does_not_change_and_holds_nothing_else() -> None:
    with pytest.raises(AttributeError):
        RunConfig().lr = 1.0  # type: ignore[misc]
    with pytest.raises(TypeError):
        RunConfig(colour="blue")  # type: ignore[call-arg]


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_a_valid_run_and_changes_what_it_says(preset: str) -> None:
    assert set(RunConfig.from_values(PRESETS[preset]).changes()) == set(PRESETS[preset])


@pytest.mark.parametrize("name", NAMES)
def test_every_hyperparameter_explains_itself(name: str) -> None:
    assert config.HYPERPARAMETERS[name].label
    assert config.HYPERPARAMETERS[name].explanation.endswith(".")
    assert config.HYPERPARAMETERS[name].allowed
    for value in config.HYPERPARAMETERS[name].usual:
        assert getattr(RunConfig.from_values({name: value}), name) == value


def test_the_default_is_the_notebooks_run() -> None:
    made = RunConfig()
    assert (made.source, made.samples, made.val_fraction, made.split_seed) == (
        "bundled",
        1000,
        0.2,
        42,
    )
    assert (made.batch_size, made.hidden, made.activation) == (32, (128,), "relu")
    assert (made.optimizer, made.lr, made.epochs) == ("manual", 0.1, 100)
    assert made.changes() == {}


def test_changes_are_what_differs_from_the_notebook_as_text() -> None:
    made = RunConfig(lr=0.5, hidden=(), samples=None, epochs=100)
    assert made.changes() == {"lr": "0.5", "hidden": "none", "samples": "all"}


def test_what_changes_nothing_beside_the_others_is_named() -> None:
    assert RunConfig().without_effect() == {"momentum"}
    assert RunConfig(optimizer="sgd").without_effect() == set()
    assert RunConfig(hidden=()).without_effect() == {"momentum", "activation", "dropout"}
