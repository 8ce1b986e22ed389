"""`stop` and `wait` with several runs and `--all`; what is done at the end."""

import json
import os
import re
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from mnistop.engine.config import RunConfig
from mnistop.engine.cores import usable_cores
from mnistop.engine.runs import lock
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.session.notification import attention, clipboard_terms
from tests.helpers import made_up
from tests.helpers.command_line import COMMAND, SHORT, Place
from tests.helpers.waiting import wait_until
from tests.tui.cli.made_up_store import Call, add

ENDLESS = ("--epochs", "1000000", "--samples", "400", "--hidden", "16")


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
