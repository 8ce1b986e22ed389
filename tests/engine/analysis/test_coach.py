"""The coach speaks on real runs made for each of its rules, and is silent on the others."""

import dataclasses
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistop.engine import learning_rate
from mnistop.engine.analysis.coach import Advice, advise, number
from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import load
from mnistop.engine.learning_rate import lr_of_epoch
from tests.helpers.coached import Coached, coached
from tests.helpers.selection import one_in
from tests.helpers.small_runs import ROOT

SEEDS = one_in(3, (0, 1, 2))

RATES = {"diverged", "exploded", "stuck", "swinging", "too low", "dead ReLUs"}
"""What is said of a learning rate that is wrong."""

TOO_HIGH = {"diverged", "exploded", "stuck", "swinging", "dead ReLUs"}

GOOD: dict[str, dict[str, Any]] = {
    "notebook": {},
    "half the rate": {"lr": 0.05, "epochs": 40},
    "twice the rate": {"lr": 0.2, "epochs": 30},
    "Adam": {"optimizer": "adam", "lr": 0.001},
    "momentum": {"optimizer": "sgd", "lr": 0.01, "epochs": 30},
    "single layer": {"hidden": ()},
    "deep": {"hidden": (128, 128, 128), "epochs": 30},
    "GELU": {"activation": "gelu", "epochs": 20},
    "sigmoid": {"activation": "sigmoid", "epochs": 40},
    "shifted": {"shift": 2},
    "dropout": {"dropout": 0.5, "epochs": 40},
    "weight decay": {"weight_decay": 0.01, "epochs": 40},
    "adversarial": {"adversarial_epsilon": 0.1, "epochs": 12},
    "cosine": {"schedule": "cosine", "epochs": 40},
    "small batches": {"batch_size": 4, "epochs": 10},
    "large batches": {"batch_size": 512, "epochs": 60},
    "all the data": {"samples": None, "epochs": 15},
    "few data": {"samples": 100, "epochs": 60},
    "digits": {"source": "digits", "samples": 400, "epochs": 60},
}
"""Runs whose learning rate works."""

WITHOUT_OVERFITTING = ("shifted", "weight decay", "all the data", "digits", "sigmoid")


def numbers_of(advice: Advice) -> list[float]:
    return [float(word) for word in re.findall(r"\d+\.?\d*(?:e-\d+)?", advice.sentence)]


# The notebook's run.


def test_before_training_the_loss_is_explained() -> None:
    first = coached().after[0]
    assert first.kind == "start"
    assert "-ln(1/10) = ln 10 = 2.303" in first.sentence
    assert first.remedy == ""


@pytest.mark.parametrize("seed", SEEDS)
def test_the_notebooks_run_overfits_since_about_epoch_10_and_its_accuracy_holds(seed: int) -> None:
    run = coached(seed=seed)
    assert run.last.kind == "over-fitting"
    since, before, now, train, accuracy, low, high = numbers_of(run.last)
    assert 6 <= since <= 20
    assert 0.45 < before < 0.6
    assert 0.7 < now < 0.85
    assert train < 0.01
    assert "accuracy holds at" in run.last.sentence
    assert low < accuracy < high
    assert accuracy == pytest.approx(100 * run.history.epochs[-1].val_acc, abs=0.05)
    assert "shifts, more samples or early stopping" in run.last.remedy


@pytest.mark.parametrize("seed", SEEDS)
def test_of_the_notebooks_run_it_says_so_once_it_shows_and_not_before(seed: int) -> None:
    kinds = coached(seed=seed).kinds
    first = kinds.index("over-fitting")
    assert 20 <= first <= 40
    assert set(kinds[first:]) == {"over-fitting"}
    assert set(kinds[4:first]) <= {"still learning", "all well"}
    assert kinds[6] == "still learning"


@pytest.mark.parametrize("seed", SEEDS[:2])
def test_adam_overfits_too(seed: int) -> None:
    run = coached(seed=seed, optimizer="adam", lr=0.001)
    assert run.last.kind == "over-fitting"
    assert 4 <= numbers_of(run.last)[0] <= 15
    assert "accuracy holds" in run.last.sentence


# Too high.


@pytest.mark.parametrize("seed", SEEDS)
def test_far_too_high_a_rate_explodes_kills_the_relus_and_stays_at_ln_10(seed: int) -> None:
    run = coached(seed=seed, lr=10.0, epochs=12)
    assert run.kinds[1] == "dead ReLUs"
    assert set(run.kinds[4:]) == {"exploded"}
    highest = max(epoch.train_loss for epoch in run.history.epochs)
    assert f"Training loss exploded to {number(highest)} in epoch 0 and is 2." in run.last.sentence
    assert "no better than guessing (ln 10 = 2.30)" in run.last.sentence
    assert re.search(r"; (9\d|100)% of the ReLU neurons are dead", run.last.sentence)
    assert run.last.remedy == "Try a lower learning rate, for example 0.1."


def test_a_loss_that_stays_at_chance_without_having_exploded_is_stuck() -> None:
    run = coached(lr=3.0, shift=3, samples=500, epochs=12)
    assert run.last.kind == "stuck"
    assert "Training loss stays at that of guessing (ln 10 = 2.30)" in run.last.sentence
    assert run.last.remedy == "Try a lower learning rate, for example 0.3."


@pytest.mark.parametrize("seed", SEEDS)
def test_an_absurd_rate_diverges(seed: int) -> None:
    run = coached(seed=seed, lr=1000.0, hidden=(128, 128, 128), epochs=5)
    assert run.last.kind == "diverged"
    assert run.last.sentence.startswith("Diverged in epoch 0:")
    assert "for example 0.1, or" in run.last.remedy


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "values",
    one_in(
        5,
        [
            {"optimizer": "sgd", "lr": 0.3, "epochs": 30},
            {"activation": "tanh", "lr": 3.0, "epochs": 15},
            {"hidden": (128, 128, 128), "lr": 1.0, "epochs": 15},
            {"batch_size": 1, "epochs": 8},
            {"optimizer": "adam", "lr": 0.1, "epochs": 30},
        ],
    ),
    ids=["momentum", "tanh", "deep", "batches of one", "Adam"],
)
def test_too_high_a_rate_is_told_in_one_way_or_another(values: dict[str, Any], seed: int) -> None:
    run = coached(seed=seed, **values)
    assert set(run.kinds[1:]) & TOO_HIGH
    spoken = [advice for advice in run.after if advice.kind in TOO_HIGH]
    assert all(re.search("[Ll]ower (the )?learning rate", one.remedy) for one in spoken)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_loss_that_goes_up_and_down_swings(seed: int) -> None:
    run = coached(seed=seed, optimizer="sgd", lr=0.3, epochs=30)
    swings = [advice for advice in run.after if advice.kind == "swinging"]
    assert swings
    assert "rose by more than 20%" in swings[0].sentence
    assert "0.01" in swings[0].remedy


@pytest.mark.parametrize("seed", SEEDS)
def test_dead_relus_are_told_even_where_accuracy_is_good(seed: int) -> None:
    run = coached(seed=seed, lr=1.0, epochs=12)
    told = [epochs for epochs, kind in enumerate(run.kinds[:-1]) if kind == "dead ReLUs"]
    newest = run.history.epochs[told[-1] - 1]
    assert newest.dead is not None
    said = run.after[told[-1]].sentence
    assert said.startswith(f"{newest.dead:.0%} of the hidden neurons are dead")
    assert newest.val_acc > 0.6


def test_gradients_that_vanish_are_not_blamed_on_the_rate() -> None:
    run = coached(activation="sigmoid", hidden=(128, 128, 128), epochs=10)
    assert run.last.kind == "stuck"
    assert run.last.remedy.startswith("Try ReLU or Adam")


# Too low.


@pytest.mark.parametrize(("lr", "seed"), one_in(3, [(0.0003, 0), (0.0003, 1), (0.001, 0)], 2))
def test_too_low_a_rate_is_told_from_epoch_5_on_to_the_end(lr: float, seed: int) -> None:
    run = coached(seed=seed, lr=lr)
    assert set(run.kinds[6:]) == {"too low"}
    assert "In 100 epochs training loss has fallen only from 2." in run.last.sentence
    assert "at this pace" not in run.last.sentence
    assert run.last.remedy == f"Raise the learning rate, for example to {lr * 10:g}."


@pytest.mark.parametrize("seed", SEEDS[:2])
def test_where_it_says_that_the_run_will_end_is_about_where_it_ends(seed: int) -> None:
    run = coached(seed=seed, lr=0.0003)
    end = run.history.epochs[-1].train_loss
    for epochs in (6, 10, 30, 60, 90):
        *_, planned, expected = numbers_of(run.after[epochs])
        assert planned == 100
        assert expected == pytest.approx(end, abs=0.03 * end)


@pytest.mark.parametrize("schedule", one_in(2, ["cosine", "step"]))
def test_a_schedule_that_ends_does_not_hide_that_the_rate_was_too_low(schedule: str) -> None:
    run = coached(lr=0.001, schedule=schedule, epochs=60)
    assert set(run.kinds[8:]) == {"too low"}
    assert run.last.remedy == "Raise the learning rate, for example to 0.01."
    end = run.history.epochs[-1].train_loss
    *_, expected = numbers_of(run.after[28])
    assert expected == pytest.approx(end, abs=0.05 * end)
    faster = coached(lr=0.004, schedule=schedule, epochs=60)
    assert "under-fitting" not in faster.kinds


def test_a_million_epochs_to_come_are_not_gone_through_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run, asked = coached(lr=0.001, schedule="cosine", epochs=60), []
    begun = dataclasses.replace(run.history, epochs=run.history.epochs[:20], ended=None)

    def counted(config: RunConfig, epoch: int) -> float:
        asked.append(epoch)
        return lr_of_epoch(config, epoch)

    monkeypatch.setattr(learning_rate, "lr_of_epoch", counted)
    config = RunConfig(lr=0.001, schedule="cosine", epochs=10**6)
    assert advise(begun, config, None).kind != "under-fitting"
    assert 0 < len(asked) < 1000


def test_a_rate_so_low_that_nothing_moves_is_too_low_and_not_stuck() -> None:
    assert coached(lr=1e-8, epochs=8).last.kind == "too low"


@pytest.mark.parametrize("lr", one_in(2, [1e-5, 1e-3]))
@pytest.mark.parametrize(
    "noise",
    one_in(4, [{"dropout": 0.5}, {"shift": 3}, {"dropout": 0.5, "shift": 2}, {"dropout": 0.8}]),
    ids=["dropout", "shifts", "both", "much dropout"],
)
def test_too_low_a_rate_is_told_through_the_noise_of_training(
    noise: dict[str, Any], lr: float
) -> None:
    run = coached(samples=500, lr=lr, epochs=20, **noise)
    assert not TOO_HIGH & set(run.kinds)
    assert set(run.kinds[6:]) == {"too low"}
    assert run.last.remedy == f"Raise the learning rate, for example to {lr * 10:g}."


def test_a_run_that_was_thrown_back_and_learns_slowly_since_is_not_too_low() -> None:
    run = coached(samples=500, hidden=(64, 64, 64), activation="sigmoid", lr=3.0, epochs=20)
    assert max(epoch.train_loss for epoch in run.history.epochs) > 1.2 * math.log(10)
    assert "too low" not in run.kinds


@pytest.mark.parametrize("seed", SEEDS)
def test_a_slow_run_that_will_arrive_is_still_learning(seed: int) -> None:
    run = coached(seed=seed, lr=0.01, epochs=60)
    assert not RATES & set(run.kinds)
    assert set(run.kinds[15:]) == {"still learning"}
    assert run.last.remedy == "More epochs may help."
    assert {advice.remedy for advice in run.after[15:-1]} == {""}


# What is learned.


@pytest.mark.parametrize("seed", SEEDS)
def test_a_class_that_is_never_predicted_is_named(seed: int, tmp_path: Path) -> None:
    source = load("bundled", 1000)
    rows = [np.flatnonzero(source.labels == digit) for digit in (0, 1, 2, 3)]
    kept = np.sort(np.concatenate([rows[0], rows[1], rows[2], rows[3][:25]]))
    path = tmp_path / "few threes.npz"
    np.savez(path, images=(source.images[kept] * 255).astype(np.uint8), labels=source.labels[kept])
    run = coached(seed=seed, source=str(path), samples=None, val_fraction=0.3, lr=0.01, epochs=8)
    told = [advice for advice in run.after if advice.kind == "never predicted"]
    assert told
    for advice in told:
        assert re.match(
            r"No validation image is taken for 3, though \d+ of \d+ are", advice.sentence
        )
        assert advice.remedy == "More images of what is rare would help."


@pytest.mark.parametrize("seed", SEEDS)
def test_it_names_a_class_whenever_one_is_never_predicted_and_only_then(seed: int) -> None:
    run = coached(seed=seed, lr=0.01, epochs=60)
    for epochs in range(1, 61):
        predictions, advice = run.predictions[epochs], run.after[epochs]
        missing = set(predictions.labels.tolist()) - set(predictions.predicted.tolist())
        if advice.kind == "never predicted":
            named = set(map(int, re.findall(r"(?<=[r:,] )\d(?=[,. ])", advice.sentence)))
            assert named
            assert named <= missing
        else:
            assert not missing


def test_a_class_with_few_images_is_not_missed() -> None:
    run = coached(samples=50, epochs=20)
    predictions = run.predictions[-1]
    assert set(predictions.labels.tolist()) - set(predictions.predicted.tolist())
    assert "never predicted" not in run.kinds


def test_a_model_that_fits_no_better_is_told() -> None:
    decayed = coached(weight_decay=0.1, epochs=40)
    assert decayed.last.kind == "under-fitting"
    assert "less weight decay" in decayed.last.remedy
    decayed = coached(weight_decay=0.1, epochs=40, schedule="cosine")
    assert decayed.last.kind == "under-fitting"
    narrow = coached(hidden=(1,), epochs=60)
    assert narrow.last.kind == "under-fitting"
    assert "wider hidden layers" in narrow.last.remedy


@pytest.mark.parametrize("values", [{"hidden": (), "lr": 3.0, "epochs": 20}, GOOD["few data"]])
def test_known_by_heart_without_a_rise_is_a_gap(values: dict[str, Any]) -> None:
    run = coached(**values)
    assert run.last.kind == "gap"
    assert "are memorised" in run.last.sentence
    assert run.last.remedy


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS[:2])
@pytest.mark.parametrize("name", one_in(5, GOOD))
def test_of_a_rate_that_works_nothing_is_ever_said(name: str, seed: int) -> None:
    kinds = set(coached(seed=seed, **GOOD[name]).kinds)
    assert not kinds & RATES
    assert "under-fitting" not in kinds


@pytest.mark.parametrize("seed", SEEDS[:2])
@pytest.mark.parametrize("name", one_in(5, WITHOUT_OVERFITTING))
def test_without_overfitting_none_is_told_and_all_is_well(name: str, seed: int) -> None:
    run = coached(seed=seed, **GOOD[name])
    assert "over-fitting" not in run.kinds
    assert run.last.kind in ("all well", "still learning")
    assert run.after[-1].kind != "all well" or "accuracy" in run.last.sentence


def test_early_stopping_that_came_in_time_is_all_well() -> None:
    run = coached(early_stopping=8, epochs=60)
    assert len(run.history.epochs) < 40
    assert run.last.kind == "all well"


# Its remedies help.


def cured(values: dict[str, Any]) -> Coached:
    """The run with the first rate that the coach names for it."""
    sick = coached(**values)
    found = re.search(r"for example (?:to )?([\d.e-]+?)[.,:]? ?(?:$|[a-z ])", sick.last.remedy)
    assert found, sick.last.remedy
    return coached(**(values | {"lr": float(found[1])}))


@pytest.mark.parametrize(
    "values",
    one_in(
        6,
        [
            {"lr": 3.0, "epochs": 12},
            {"lr": 1000.0, "hidden": (128, 128, 128), "epochs": 12},
            {"lr": 1.0, "epochs": 12},
            {"optimizer": "adam", "lr": 0.1, "epochs": 12},
            {"activation": "tanh", "lr": 3.0, "epochs": 15},
            {"activation": "sigmoid", "lr": 10.0, "epochs": 12},
        ],
    ),
    ids=lambda values: " ".join(map(str, values.values())),
)
def test_the_rate_that_it_names_cures_too_high_a_one(values: dict[str, Any]) -> None:
    assert coached(**values).last.kind in TOO_HIGH
    run = cured(values)
    assert run.last.kind not in RATES
    assert run.history.epochs[-1].val_acc > 0.75


def test_the_rate_that_it_names_is_better_than_too_low_a_one() -> None:
    slow = coached(lr=0.0003)
    faster = cured({"lr": 0.0003})
    assert faster.last.kind not in RATES
    assert faster.history.epochs[-1].val_loss < 0.5 * slow.history.epochs[-1].val_loss


@pytest.mark.parametrize(
    "remedy",
    one_in(
        5,
        [
            {"shift": 2},
            {"samples": None, "epochs": 15},
            {"early_stopping": 8},
            {"weight_decay": 0.01},
            {"dropout": 0.5},
        ],
    ),
    ids=str,
)
def test_what_it_advises_against_overfitting_lowers_the_final_loss(remedy: dict[str, Any]) -> None:
    before = coached().history.epochs[-1].val_loss
    assert coached(**remedy).history.epochs[-1].val_loss < 0.9 * before


# Where it runs.


@pytest.mark.process
def test_the_coach_needs_no_torch() -> None:
    code = "import sys, mnistop.engine.analysis.coach; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_without_predictions_it_speaks_of_the_curves_alone() -> None:
    run = coached()
    advice = advise(run.history, run.config, None)
    assert advice == run.last
    assert math.isclose(numbers_of(advice)[2], numbers_of(run.last)[2])
