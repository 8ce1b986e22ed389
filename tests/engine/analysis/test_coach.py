"""The coach's advice on runs made for each of its rules, and its silence on others."""

import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistop.engine.analysis.coach import advise
from mnistop.engine.data.sources import load
from tests.helpers.coach_cases import GOOD, RATES, SEEDS, numbers_of
from tests.helpers.coached import coached
from tests.helpers.selection import one_in
from tests.helpers.small_runs import ROOT

WITHOUT_OVERFITTING = ("shifted", "weight decay", "all the data", "digits", "sigmoid")


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS[:2])
def test_adam_overfits_too(seed: int) -> None:
    run = coached(seed=seed, optimizer="adam", lr=0.001)
    assert run.last.kind == "over-fitting"
    assert 4 <= numbers_of(run.last)[0] <= 15
    assert "accuracy holds" in run.last.sentence


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
        assert advice.remedy == "Try balanced class weights or the balanced sampler."


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.process
def test_the_coach_needs_no_torch() -> None:
    code = "import sys, mnistop.engine.analysis.coach; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_without_predictions_it_speaks_of_the_curves_alone() -> None:
    run = coached()
    advice = advise(run.history, run.config, None)
    assert advice == run.last
    assert math.isclose(numbers_of(advice)[2], numbers_of(run.last)[2])
