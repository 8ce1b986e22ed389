"""`mnistop delete` with several runs, filters, sweeps and `--all`."""

import re
from pathlib import Path

import pytest

from mnistop.engine import events
from mnistop.engine.config import RunConfig
from mnistop.engine.runs.entry import About, write_about
from mnistop.engine.runs.sweep_folder import Sweep
from tests.helpers import made_up, made_up_sweeps
from tests.helpers.command_line import Place
from tests.tui.cli.made_up_store import Call, add, left


def test_several_runs_are_deleted_by_name_and_by_filter_together(call: Call, store: Path) -> None:
    add(store, "calm-otter")
    add(store, "keen-lark", "failed", lr=0.5)
    add(store, "mild-elk", "failed", lr=0.1)
    add(store, "keen-wren", "stopped")
    answer = call("delete", "calm-otter", "state:failed", " lr > 0.3", "--yes")
    assert answer.code == 0
    assert left(store) == ["keen-wren", "mild-elk"]
    assert answer.out.splitlines() == [
        "run 20260101-120000-calm-otter deleted",
        "run 20260101-120001-keen-lark deleted",
    ]


def test_what_cannot_be_deleted_is_a_sentence_each_and_the_others_are(
    call: Call, store: Path
) -> None:
    add(store, "calm-otter")
    busy = add(store, "keen-lark", "none")
    add(store, "mild-elk")
    with made_up.training(busy):
        answer = call("delete", "calm-otter", "nothing", "keen-lark", "mild-elk", "-y")
        assert answer.code == 1
        assert left(store) == ["keen-lark"]
        unknown, *others = answer.err.splitlines()
        assert unknown.startswith("mnistop: There is no run nothing: mnistop runs lists them.")
        assert others == [
            f"mnistop: Run {busy.name} is training: mnistop stop {busy.name} first.",
        ]
        everything = call("delete", "--all", "--yes")
        assert (everything.code, left(store)) == (1, ["keen-lark"])
        assert "is training" in everything.err
    assert call("delete", "--all", "--yes").code == 0
    assert left(store) == []


def test_without_a_terminal_nothing_is_deleted_unasked(call: Call, store: Path) -> None:
    add(store, "calm-otter")
    add(store, "keen-lark")
    for words in (["--all"], ["trained>1"], ["calm-otter", "keen-lark"]):
        answer = call("delete", *words)
        assert answer.code == 2
        assert re.search(r"nobody to ask: --yes deletes these 2 runs \(\d+ kB\)", answer.err)
        assert left(store) == ["calm-otter", "keen-lark"]


@pytest.mark.process
@pytest.mark.pty
def test_on_a_terminal_all_that_would_go_is_listed_with_its_size(place: Place) -> None:
    place.folder.mkdir()
    otter = add(place.folder, "calm-otter")
    write_about(otter, About("my first"))
    lark = add(place.folder, "keen-lark", "stopped")
    (lark.path / "checkpoint.pt").write_bytes(b"x" * 3_000_000)
    terminal = place.in_terminal("delete", "--all")
    terminal.expect(r"run +\S*keen-lark  stopped, 3 epochs, accuracy val [^\r\n]*, 3\.0 MB\r\n")
    terminal.expect(r"run +\S*calm-otter  named my first, finished, 3 epochs.*\r\n")
    terminal.expect(r"Delete 2 runs, 3\.0 MB\? \[y/N\]")
    terminal.sendline("")
    assert "nothing was deleted" in place.last_words(terminal)
    assert left(place.folder) == ["calm-otter", "keen-lark"]
    terminal = place.in_terminal("delete", "--all")
    terminal.expect(r"\[y/N\]")
    terminal.sendline("y")
    assert "deleted" in place.last_words(terminal)
    assert left(place.folder) == []


def test_a_filter_that_fits_nothing_says_so_and_a_wrong_one_is_refused(
    call: Call, store: Path
) -> None:
    add(store, "calm-otter")
    for command in ("stop", "wait", "delete"):
        answer = call(command, "lr>7")
        assert answer.code == 0
        assert re.match("No run (in training )?matches this filter", answer.out)
        assert call(command).code == 2
        assert call(command, "--all", "calm-otter").code == 2
        assert call(command, "hiden:16").code == 2
        assert call(command, "nothing", "neither").code == 2
    assert left(store) == ["calm-otter"]


def swept(store: Path, ended: bool = True) -> Sweep:
    """A sweep of two runs that are finished, whose process may have said its end."""
    sweep = made_up_sweeps.create(store, [RunConfig(lr=lr) for lr in (0.1, 0.2)], "rates")
    for number in (1, 2):
        made_up_sweeps.member(sweep, number, 0.8)
    if ended:
        made_up_sweeps.say(sweep, events.SweepFinished(run=sweep.name, time=0.0))
    return sweep


def test_a_sweep_is_deleted_with_its_runs(call: Call, store: Path) -> None:
    add(store, "calm-otter")
    sweep = swept(store, ended=False)
    assert call("delete", sweep.name, sweep.member(1).name, "--yes").code == 0
    assert left(store) == ["calm-otter"]


def test_a_finished_sweep_goes_with_the_last_of_its_runs(call: Call, store: Path) -> None:
    sweep = swept(store)
    assert call("delete", "lr:0.1", "state:finished", "--yes").code == 0
    assert left(store) == [sweep.words, f"{sweep.words}.02"]
    assert call("delete", "state:finished", "--yes").code == 0
    assert left(store) == []


def test_a_sweep_that_is_not_finished_keeps_its_plan_unless_all_goes(
    call: Call, store: Path
) -> None:
    sweep = swept(store, ended=False)
    assert call("delete", "state:finished", "--yes").code == 0
    assert left(store) == [sweep.words]
    assert call("delete", "--all", "--yes").code == 0
    assert left(store) == []
