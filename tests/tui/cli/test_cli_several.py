"""`stop`, `delete` and `wait` with several runs, filters and `--all`; what is done at the end."""

import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mnistop.engine import events
from mnistop.engine.config import RunConfig
from mnistop.engine.cores import usable_cores
from mnistop.engine.runs import lock
from mnistop.engine.runs.entry import About, write_about
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.tui.session.notification import attention, clipboard_terms
from tests.helpers import made_up, made_up_sweeps
from tests.helpers.command_line import COMMAND, SHORT, Answer, Place
from tests.helpers.waiting import wait_until

Call = Callable[..., Answer]
ENDLESS = ("--epochs", "1000000", "--samples", "400", "--hidden", "16")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


def add(store: Path, words: str, end: str = "finished", epochs: int = 3, **values: object) -> Run:
    name = f"20260101-1200{len(list(store.iterdir())):02}-{words}"
    ends = {
        "finished": made_up.finished(epochs, name),
        "stopped": made_up.stopped(epochs, name),
        "failed": made_up.failed("too bad", name),
    }
    said = [*made_up.story(epochs, name), *([ends[end]] if end in ends else [])]
    config = RunConfig(epochs=epochs, **values)  # type: ignore[arg-type]
    return made_up.write_run(store, said, config, name)


def left(store: Path) -> list[str]:
    return sorted(path.name.split("-", 2)[-1] for path in store.iterdir() if path.is_dir())


# Deleting


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


# Stopping and waiting


@pytest.mark.slow
@pytest.mark.process
def test_all_that_trains_is_stopped_at_once_and_each_is_told(place: Place) -> None:
    names = [place.train_detached(*ENDLESS) for _ in range(2)]
    wait_until(lambda: all(place.state(name)["epoch"] for name in names))
    waiting = subprocess.Popen(
        [*COMMAND, "wait", *names], env=place.environ, stdout=subprocess.PIPE, text=True
    )
    stopped = place.run("stop", "state:running")
    assert stopped.returncode == 0
    for name in names:
        assert f"run {name} stopped and saved after" in stopped.stdout
    out, _ = waiting.communicate(timeout=100)
    assert waiting.returncode == 130
    assert sorted(line.split()[:3] for line in out.splitlines()) == sorted(
        ["run", name, "stopped"] for name in names
    )
    again = place.run("stop", "--all")
    assert (again.returncode, again.stdout) == (0, "Nothing is training.\n")
    partly = place.run("stop", *names)
    assert partly.returncode == 1
    assert partly.stderr.count("is not being trained") == 2


def test_waiting_ends_as_the_run_does(call: Call, store: Path) -> None:
    codes = {"finished": 0, "failed": 1, "none": 1, "stopped": 130}
    names = {end: add(store, f"calm-{end}", end).name for end in codes}
    for end, code in codes.items():
        assert call("wait", names[end]).code == code
    assert call("wait", *names.values()).code == 1
    assert call("wait", names["finished"], names["stopped"]).code == 130
    assert call("wait", names["finished"], "nothing").code == 2


@pytest.mark.slow
@pytest.mark.process
def test_a_run_that_is_killed_ends_the_waiting(place: Place) -> None:
    name = place.train_detached(*ENDLESS)
    waiting = subprocess.Popen(
        [*COMMAND, "wait", name], env=place.environ, stdout=subprocess.PIPE, text=True
    )
    process = Run(place.folder / name).process_id()
    assert process
    os.kill(process, signal.SIGKILL)
    out, _ = waiting.communicate(timeout=100)
    assert waiting.returncode == 1
    assert f"run {name} interrupted after" in out


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.pty
def test_ctrl_c_ends_the_waiting_and_not_the_run(place: Place) -> None:
    name = place.train_detached(*ENDLESS)
    terminal = place.in_terminal("wait", name)
    terminal.expect(f"waiting for {name}")
    terminal.sendintr()
    assert "keeps training" in place.last_words(terminal)
    assert terminal.exitstatus == 130
    assert Run(place.folder / name).is_running()


def test_waiting_blocks_on_the_lock_and_looks_at_nothing_again_and_again(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = add(store, "calm-otter", "none")
    monkeypatch.setattr(lock, "_POLL_SECONDS", 1e6)
    thread = threading.Thread(target=lock.wait, args=(run.lock_path,), daemon=True)
    with made_up.training(run):
        thread.start()
        thread.join(0.05)
        assert thread.is_alive()
    thread.join(100)
    assert not thread.is_alive()


# What is done at the end


@pytest.mark.process
def test_the_command_at_the_end_hears_of_the_run_and_nothing_of_it_is_executed(
    call: Call, store: Path, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    name = "20260101-120000-$(touch evil); `touch evil`"
    run = made_up.write_run(store, [*made_up.story(3), made_up.finished(3)], RunConfig(), name)
    command = (
        f'printf "%s\\n" "$MNISTOP_RUN" "$MNISTOP_STATE" "$1" "$2" "$3" > {told}; cat >> {told}'
    )
    answer = call("wait", run.name, "--notify", command)
    assert answer.code == 0
    assert told.read_text().splitlines() == [
        *(name, "finished", name, "finished", f"{made_up.epoch(2).val_acc:.4f}"),
        answer.out.strip(),
    ]
    assert not Path("evil").exists()


@pytest.mark.process
def test_a_command_that_fails_is_told_and_changes_no_exit_code(call: Call, store: Path) -> None:
    run = add(store, "calm-otter")
    for command, problem in {
        "exit 3": "--notify ended with exit code 3: exit 3",
        "kill -9 $$": "--notify was ended by SIGKILL",
        "no-such-command-here": "--notify ended with exit code 127",
    }.items():
        for words in (("wait", run.name), ("follow", run.name)):
            answer = call(*words, "--notify", command)
            assert answer.code == 0
            assert problem in answer.err


@pytest.mark.process
def test_a_detached_run_tells_its_end_although_nobody_stays(place: Place, tmp_path: Path) -> None:
    told = tmp_path / "told"
    command = f'echo "$MNISTOP_RUN $MNISTOP_STATE" > {told}.new; mv {told}.new {told}; exit 7'
    name = place.train_detached(*SHORT, "--notify", command)
    wait_until(told.exists)
    assert told.read_text() == f"{name} finished\n"
    log = place.folder / name / "log.txt"
    wait_until(lambda: "--notify ended with exit code 7" in log.read_text())


@pytest.mark.process
@pytest.mark.pty
def test_a_terminal_that_goes_away_takes_no_notice_with_it(place: Place, tmp_path: Path) -> None:
    told = tmp_path / "told"
    command = f'echo "$MNISTOP_STATE" > {told}.new; mv {told}.new {told}'
    terminal = place.in_terminal("train", *ENDLESS, "--notify", command)
    terminal.expect(r"run (\S+)")
    name = terminal.match[1]
    wait_until(lambda: (place.folder / name / "events.jsonl").exists())
    terminal.expect("epoch")
    terminal.kill(signal.SIGHUP)
    place.last_words(terminal)
    assert Run(place.folder / name).is_running()
    assert place.run("stop", name).returncode == 0
    wait_until(told.exists)
    assert told.read_text() == "stopped\n"


@pytest.mark.process
@pytest.mark.pty
def test_a_bell_rings_on_a_terminal_and_writes_into_no_pipe(place: Place) -> None:
    place.folder.mkdir()
    run = add(place.folder, "calm-otter")
    assert "\a" not in "".join(str(place.run("wait", run.name, "--bell")))
    terminal = place.in_terminal("wait", run.name, "--bell")
    terminal.expect("\a")
    place.last_words(terminal)
    refused = place.run("train", "--detach", "--bell")
    assert refused.returncode == 2
    assert not [path for path in place.folder.iterdir() if path.name != run.name]


def test_only_a_terminal_that_shows_notifications_gets_one() -> None:
    assert attention("done", {"TERM": "xterm-kitty"}) == "\x1b]9;done\x1b\\\a"
    assert attention("a\x1b\x07b\n", {"TERM": "x", "LC_TERMINAL": "iTerm2"}) == "\x1b]9;ab\x1b\\\a"
    assert attention("done", {"TERM": "xterm-256color"}) == "\a"
    assert attention("done", {"TERM": "xterm-kitty", "TMUX": "/tmp/x"}) == "\a"
    assert attention("done", {"TERM": "screen.xterm-kitty"}) == "\a"
    assert attention("done", {"TERM": "dumb"}) == attention("done", {}) == ""
    assert clipboard_terms({"TERM": "xterm"})
    assert "tmux" in clipboard_terms({"TERM": "tmux-256color", "TMUX": "/tmp/x"})
    assert not clipboard_terms({"TERM": "linux"})
    assert not clipboard_terms({"TERM": "screen-256color", "STY": "1.pts"})


# The list


@pytest.mark.slow
@pytest.mark.process
def test_the_list_shows_sizes_and_warns_of_more_runs_than_cores(place: Place) -> None:
    name = place.train_detached(*ENDLESS)
    assert "at once" not in place.run("runs").stderr
    row = place.state(name)
    assert isinstance(row["bytes"], int)
    assert row["bytes"] > 10_000
    assert re.search(r"\d kB|\d MB", place.run("runs").stdout)
    others = [place.train_detached(*ENDLESS) for _ in range(usable_cores())]
    listed = place.run("runs")
    assert f"{len(others) + 1} runs are training on" in listed.stderr
    assert json.loads(place.run("runs", "--json").stdout)
