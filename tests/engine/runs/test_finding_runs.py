"""Runs found by name, by words, and as the last one."""

import os
import time
from pathlib import Path

import msgspec
import pytest

from mnistop.engine import events
from mnistop.engine.errors import RunError
from mnistop.engine.runs import run_folder
from mnistop.engine.runs.entry import About, write_about
from mnistop.engine.runs.index import list_all
from mnistop.engine.runs.lookup import find_run
from mnistop.engine.runs.run_folder import Run
from tests.helpers import made_up
from tests.helpers.run_folders import make_run


def test_a_run_is_found_by_name_prefix_words_and_last(runs_folder: Path) -> None:
    old = make_run(runs_folder, "20250101-000000-calm-otter")
    new = make_run(runs_folder, "20260101-000000-keen-wren")
    assert run_folder.list_runs() == [new, old]
    for reference in ("20260101-000000-keen-wren", "2026", "keen-wren", "last"):
        assert find_run(reference) == new
    assert find_run("calm-otter") == old


def test_what_fits_several_runs_is_answered_with_their_names(runs_folder: Path) -> None:
    for name in ("20250101-000000-calm-otter", "20260101-000000-calm-otter"):
        make_run(runs_folder, name)
    for reference in ("20", "calm-otter"):
        with pytest.raises(RunError, match=r"fits 2 runs \(20260101.*, 20250101.*give more"):
            find_run(reference)


def test_a_whole_name_is_meant_even_if_it_begins_another(runs_folder: Path) -> None:
    short = make_run(runs_folder, "20250101-000000-calm-otter")
    make_run(runs_folder, "20250101-000000-calm-otter-copy")
    assert find_run(short.name) == short


def test_a_run_is_found_by_the_name_that_the_user_gave_it(runs_folder: Path) -> None:
    calm, keen, wren = (
        make_run(runs_folder, f"2025010{day}-000000-{words}")
        for day, words in enumerate(("calm-otter", "keen-elk", "keen-wren"), start=1)
    )
    write_about(calm, About("keen-wren"))
    write_about(keen, About("My best one"))
    assert find_run("my  best one") == keen
    assert find_run("keen-wren") == calm  # what the user says counts more than the words
    assert find_run(wren.name) == wren
    write_about(wren, About("My best one"))
    with pytest.raises(
        RunError, match=r"My best one fits 2 runs \(.*keen-wren, .*keen-elk\): give"
    ):
        find_run("My best one")


def test_a_run_that_is_not_there_is_told_in_a_sentence(runs_folder: Path) -> None:
    with pytest.raises(RunError, match="There are no runs yet"):
        find_run("last")
    make_run(runs_folder)
    with pytest.raises(RunError, match="There is no run sunny-elk: mnistop runs lists them"):
        find_run("sunny-elk")
    with pytest.raises(RunError, match="There is no run ''"):
        find_run("")


def test_of_two_runs_of_the_same_second_the_later_is_the_last(runs_folder: Path) -> None:
    first = make_run(runs_folder, "20250101-000000-sunny-wren")
    second = make_run(runs_folder, "20250101-000000-amber-birch")
    os.utime(first.path / "config.json", (1e9, 1e9))
    assert run_folder.list_runs() == [second, first]
    os.utime(second.path / "config.json", (1e9 - 1, 1e9 - 1))
    assert run_folder.list_runs() == [first, second]


def begun(run: Run, at: float) -> Run:
    """Create a run whose log holds the time of its start."""
    waited = events.Preparing(run=run.name, time=at - 1, message="looking for what has Started")
    start = msgspec.structs.replace(made_up.started(run.name), time=at)
    made_up.say(run, [waited, start])
    return run


def test_the_last_run_is_the_one_started_last_whatever_its_name_says(runs_folder: Path) -> None:
    """The clock may have been ahead, or another time zone may have given the name."""
    ahead = begun(make_run(runs_folder, "20990101-000000-calm-otter"), 1_700_000_000)
    newest = begun(make_run(runs_folder, "20260101-000000-keen-wren"), 1_700_000_300)
    oldest = begun(make_run(runs_folder, "20260102-000000-mild-elk"), 1_600_000_000)
    assert run_folder.list_runs() == [newest, ahead, oldest]
    assert find_run("last") == newest
    assert [one.run for one in list_all().runs] == [newest, ahead, oldest]


def test_a_run_that_claims_to_start_in_the_future_is_newer_than_no_other(
    runs_folder: Path,
) -> None:
    """Its clock was ahead, and is right again."""
    tomorrow = begun(make_run(runs_folder, "20990101-000000-calm-otter"), time.time() + 86_400)
    now = begun(make_run(runs_folder, "20260101-000000-keen-wren"), time.time())
    year_ago = begun(make_run(runs_folder, "20250101-000000-mild-elk"), time.time() - 3e7)
    assert run_folder.list_runs() == [now, year_ago, tomorrow]
    assert find_run("last") == now


def test_runs_that_start_at_the_same_time_are_ordered_by_their_names(runs_folder: Path) -> None:
    names = [f"20260101-000000-calm-otter.0{number}" for number in (2, 3, 1)]
    for name in names:
        begun(make_run(runs_folder, name), 1_700_000_000)
    assert [run.name for run in run_folder.list_runs()] == sorted(names, reverse=True)


def test_other_files_and_folders_are_no_runs(runs_folder: Path) -> None:
    run = make_run(runs_folder)
    (runs_folder / "notes.txt").touch()
    (runs_folder / "20990101-000000-empty-folder").mkdir()
    assert run_folder.list_runs() == [run]


def test_without_a_runs_folder_there_are_no_runs(runs_folder: Path) -> None:
    assert run_folder.list_runs() == []
