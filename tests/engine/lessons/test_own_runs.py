"""Checks against the student's own runs."""

import math
from pathlib import Path

import pytest

from mnistop.engine.config import RunConfig
from mnistop.engine.lessons.own_runs import FACTS, OwnNumber, RunWanted, fact_of, matching
from mnistop.engine.runs.index import list_all
from tests.helpers import made_up


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MNISTOP_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def write(folder: Path, name: str, epochs: int = 100, trained: int = 100, **values: object) -> None:
    told = [*made_up.story(trained), made_up.finished(trained)]
    config = RunConfig(epochs=epochs, **values)  # type: ignore[arg-type]
    made_up.write_run(folder, told, config, f"20261124-1000{name}")


def test_a_preset_stands_for_a_finished_run_with_its_settings(folder: Path) -> None:
    wanted = RunWanted("notebook")
    assert "no run yet" in wanted.check([]).message
    write(folder, "01-calm-otter", lr=0.5)
    verdict = wanted.check(list_all().runs)
    assert verdict.right is False
    assert "calm-otter, has other settings: lr 0.5" in verdict.message
    write(folder, "02-kind-otter", epochs=20, trained=20)
    assert "epochs 20" in wanted.check(list_all().runs).message
    write(folder, "03-bold-otter")
    verdict = wanted.check(list_all().runs)
    assert verdict.right
    assert "bold-otter" in verdict.message
    assert not matching(list_all().runs, "single layer")
    write(folder, "04-mild-otter", hidden=())
    assert [one.title for one in matching(list_all().runs, "single layer")] == ["mild-otter"]


def test_a_run_that_did_not_finish_is_named_with_its_state(folder: Path) -> None:
    made_up.write_run(folder, made_up.story(3), RunConfig(shift=1), "20261124-100001-calm-otter")
    message = RunWanted("shift>0 state:finished").check(list_all().runs).message
    assert "calm-otter" in message
    assert "interrupted" in message


def test_what_is_asked_is_named_where_no_run_is_so(folder: Path) -> None:
    write(folder, "01-calm-otter")
    runs = list_all().runs
    message = RunWanted("shift>0 state:finished").check(runs).message
    assert message == "No run of yours is as asked yet (shift>0 state:finished)."
    assert "python loop.py" in RunWanted("recorded").check(runs).message


def test_facts_are_read_off_the_history(folder: Path) -> None:
    write(folder, "01-calm-otter")
    run = list_all().runs[0].run
    facts = {name: fact_of(run, name) for name in FACTS}
    assert facts["best_epoch"] == max(
        range(100), key=lambda epoch: made_up.epoch(epoch).val_acc or 0
    )
    assert not math.isnan(facts["mistakes"])
    assert facts["mistakes"] == int(facts["mistakes"])


def test_an_own_number_is_a_share_where_it_is_read_in_percent() -> None:
    check = OwnNumber("val_acc", 0.002)
    assert check.check("89.5%", 0.895).right
    assert check.check("89.5", 0.895).right
    assert check.check("0.895", 0.895).right
    assert check.check("79%", 0.895).right is False
    assert not check.check("79%", math.nan).counts
    assert check.check("79%", math.nan).right is False
    assert OwnNumber("mistakes", units=("images",)).check("21 images", 21).right


def test_three_rates_are_found_one_after_the_other(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdicts = {0.0003: "too low", 0.1: "works", 3.0: "too high"}
    monkeypatch.setattr(
        "mnistop.engine.lessons.own_runs.rate_verdict",
        lambda run, epochs: verdicts[run.config().lr],
    )
    wanted = RunWanted("samples:1000", ("too low", "works", "too high"))
    write(folder, "01-calm-otter")
    message = wanted.check(list_all().runs).message
    assert message.startswith("Still to find: one that is too low; one that is too high.")
    assert "You have found one that works: calm-otter" in message
    write(folder, "02-kind-otter", lr=3.0)
    write(folder, "03-bold-otter", lr=0.0003)
    verdict = wanted.check(list_all().runs)
    assert verdict.right
    assert "too low: bold-otter (learning rate 0.0003)" in verdict.message
