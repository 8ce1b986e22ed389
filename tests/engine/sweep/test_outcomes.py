"""The results of a sweep's runs, put together."""

import statistics
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistop.engine.analysis.coach import Advice
from mnistop.engine.config import RunConfig
from mnistop.engine.evaluate import wilson_interval
from mnistop.engine.runs.history import History, reduce
from mnistop.engine.sweep import outcomes
from mnistop.engine.sweep.grid import plan
from mnistop.engine.sweep.outcomes import (
    WAITING,
    Outcome,
    best_acc,
    best_of,
    comparable,
    grouped,
    unseen_acc,
)
from mnistop.engine.sweep.presets import duration_of, effort, pace
from tests.helpers import made_up


def outcome(config: RunConfig, best: float | None, said: str = "right") -> Outcome:
    return Outcome(
        config,
        name="20260101-120000-quiet-otter.01" if best is not None else "",
        state="finished" if best is not None else WAITING,
        validation_images=200,
        best_epoch=3,
        best_val_acc=best,
        val_acc=best,
        val_loss=0.5,
        verdict=said if best is not None else "",
    )


def measured(number: int, val: float, test: float, images: int = 3502) -> Outcome:
    found = outcome(RunConfig(lr=number), val)
    return replace(found, epochs=5, test_acc=test, test_images=images)


def test_sweeps_are_compared_on_unseen_images_where_all_have_as_many() -> None:
    groups = grouped([measured(1, 0.9, 0.87), measured(2, 0.92, 0.85), measured(3, 0.85, 0.865)])
    assert comparable(groups) is unseen_acc
    found = best_of(groups)
    assert found
    assert found[0] is groups[0]
    assert found[1] == [groups[2]]  # 0.85 lies below Wilson's interval of 0.87 on 3,502 images
    low, high = wilson_interval(0.87, groups[0].images_of(unseen_acc))
    assert 0.85 < low < 0.865 < high


def test_sweeps_are_compared_on_validation_images_where_a_test_is_missing_or_another() -> None:
    done = [measured(1, 0.9, 0.87), measured(2, 0.92, 0.85)]
    for third in (
        measured(3, 0.85, 0.99, images=2),
        replace(outcome(RunConfig(lr=3), 0.85), epochs=5),
        replace(outcome(RunConfig(lr=3), 0.85), epochs=5, state="running"),
    ):
        groups = grouped([*done, third])
        assert comparable(groups) is best_acc
        found = best_of(groups)
        assert found
        assert found[0] is groups[1]


def test_a_run_that_diverged_keeps_no_other_from_being_compared_on_unseen_images() -> None:
    diverged = replace(outcome(RunConfig(lr=3), 0.2), epochs=1, state="failed", diverged=True)
    groups = grouped([measured(1, 0.9, 0.87), measured(2, 0.92, 0.85), diverged])
    assert comparable(groups) is unseen_acc
    found = best_of(groups)
    assert found
    assert found[0] is groups[0]


@given(st.integers(1, 4), st.integers(1, 4), st.data())
def test_runs_that_differ_in_their_seed_are_one_row(
    rates: int, seeds: int, data: st.DataObject
) -> None:
    configs = plan(RunConfig(), {"lr": f"0.01..1:{max(2, rates)}"}, seeds)
    accuracies = [data.draw(st.floats(0, 1)) for _ in configs]
    groups = grouped(map(outcome, configs, accuracies))
    assert [group.config.lr for group in groups] == list(
        dict.fromkeys(config.lr for config in configs)
    )
    assert sum(len(group.outcomes) for group in groups) == len(configs)
    for group in groups:
        own = [a for c, a in zip(configs, accuracies, strict=True) if c.lr == group.config.lr]
        found = group.measured(lambda one: one.best_val_acc)
        assert found
        assert found.mean == pytest.approx(statistics.fmean(own))
        assert found.spread == (pytest.approx(statistics.stdev(own)) if seeds > 1 else None)


def test_the_best_row_and_those_within_its_interval() -> None:
    configs = plan(RunConfig(), {"lr": "0.01,0.03,0.1,0.3,1"})
    groups = grouped(map(outcome, configs, (0.86, 0.8, 0.9, 0.84, None)))
    found = best_of(groups)
    assert found
    best, others = found
    low, _ = wilson_interval(0.9, 200)
    assert best.config.lr == 0.1
    assert [group.config.lr for group in others] == [0.01]
    assert 0.84 < low < 0.86
    assert best_of(grouped([outcome(configs[0], None)])) is None


def test_a_seed_that_has_just_begun_does_not_count_beside_those_that_are_done() -> None:
    configs = plan(RunConfig(), {}, seeds=3)
    done = [outcome(config, 0.8) for config in configs[:2]]
    begun = replace(outcome(configs[2], 0.1), state="running")
    [group] = grouped([*done, begun])
    found = group.measured(lambda one: one.best_val_acc)
    assert found
    assert (found.mean, found.count) == (pytest.approx(0.8), 2)
    [group] = grouped([begun])
    alone = group.measured(lambda one: one.best_val_acc)
    assert alone
    assert alone.mean == 0.1


def test_most_of_the_seeds_decide_what_is_said() -> None:
    configs = plan(RunConfig(), {}, seeds=3)
    said = ("too high: swings", "right", "too high: swings")
    [group] = grouped(outcome(c, 0.5, words) for c, words in zip(configs, said, strict=True))
    assert group.verdict == "too high: swings (2/3)"
    [group] = grouped(outcome(c, None) for c in configs)
    assert (group.verdict, group.done) == ("", 0)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("diverged", "too high: diverged"),
        ("exploded", "too high: exploded"),
        ("stuck", "too high: stuck"),
        ("too low", "too low"),
        ("over-fitting", "right"),
        ("all well", "right"),
        ("start", ""),
        ("waiting", ""),
    ],
)
def test_the_coach_says_whether_the_rate_was_right(
    monkeypatch: pytest.MonkeyPatch, kind: str, words: str
) -> None:
    advice = Advice(kind, "")
    on_rate = advice if words.startswith("too") else None
    monkeypatch.setattr(outcomes, "advise", lambda *_: advice)
    monkeypatch.setattr(outcomes, "advise_on_rate", lambda *_: on_rate)
    history = reduce(History(), made_up.story(30))
    assert outcomes.rate_verdict(history, RunConfig()) == words


def test_an_outcome_is_read_from_a_history() -> None:
    history = reduce(History(), [*made_up.story(30), made_up.finished(30)])
    one = Outcome.of(history, config=RunConfig(), state="finished")
    assert (one.epochs, one.best_epoch, one.validation_images) == (30, 20, 200)
    assert one.best_val_acc == made_up.epoch(20).val_acc
    assert one.val_acc == made_up.epoch(29).val_acc
    assert one.is_done
    failed = reduce(History(), [*made_up.story(2), made_up.failed("no room")])
    assert not Outcome.of(failed, config=RunConfig(), state="failed").is_done


def test_effort_grows_with_all_that_makes_work() -> None:
    base = RunConfig()
    assert 0.3 < effort(base) < 3
    for more in (
        {"epochs": 200},
        {"samples": 4500},
        {"hidden": (512,)},
        {"batch_size": 4},
        {"adversarial_epsilon": 0.1},
        {"source": "openml", "samples": None},
    ):
        assert effort(replace(base, **more)) > 1.2 * effort(base)
    assert pace([]) == 1
    assert pace([(base, 2 * effort(base))] * 3) == pytest.approx(2)
    four = [base] * 4
    assert duration_of(four, 1) == pytest.approx(4 * duration_of([base], 1))
    assert duration_of(four, 2) == pytest.approx(2 * duration_of([base], 1))
    assert duration_of(four, 100) == pytest.approx(duration_of([base], 1))
