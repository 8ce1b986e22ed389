"""The coach's advice on learning rates that are too high or too low, on real runs."""

import dataclasses
import math
import re
from typing import Any

import pytest

from mnistop.engine import learning_rate
from mnistop.engine.analysis.coach import advise, number
from mnistop.engine.config import RunConfig
from mnistop.engine.learning_rate import lr_of_epoch
from tests.helpers.coach_cases import RATES, SEEDS, TOO_HIGH, numbers_of
from tests.helpers.coached import Coached, coached
from tests.helpers.selection import one_in


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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_the_rate_that_it_names_is_better_than_too_low_a_one() -> None:
    slow = coached(lr=0.0003)
    faster = cured({"lr": 0.0003})
    assert faster.last.kind not in RATES
    assert faster.history.epochs[-1].val_loss < 0.5 * slow.history.epochs[-1].val_loss
