"""A box of many users: folders of one's own, other places, no home, no room, no terminal."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from rich.cells import cell_len

from mnistop.engine import worker
from mnistop.engine.config import RunConfig
from mnistop.engine.runs import run_folder
from mnistop.engine.runs.event_log import epochs_trained
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.cli.entry import exit_code_of
from tests.faults import readers
from tests.helpers.processes import endless, goes_on, linux
from tests.helpers.pseudo_terminal import COMMAND, terminal
from tests.helpers.waiting import wait_until

pytestmark = [pytest.mark.process, pytest.mark.slow]


NOBODY = 65534


def run_command(
    *words: str, gone: tuple[str, ...] = (), **environ: str
) -> subprocess.CompletedProcess[str]:
    """Runs `mnistop` without a terminal, in an environment without the variables in `gone`."""
    inherited = {name: value for name, value in os.environ.items() if name not in gone}
    return subprocess.run(
        [*COMMAND, *words],
        env=inherited | environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
    )


def python_path() -> str:
    """The PYTHONPATH by which the package is found from any working directory."""
    return os.pathsep.join(filter(None, [str(Path.cwd()), os.environ.get("PYTHONPATH")]))


def files_below(path: Path) -> list[Path]:
    return [found for found in path.rglob("*") if found.is_file()]


# Places.


def test_whatever_the_umask_a_run_is_for_its_owner_alone(folder: Path) -> None:
    before = os.umask(0)
    try:
        [run] = runs_in(
            folder / "open", "train", "--epochs", "3", "--samples", "100", "--hidden", "4"
        )
    finally:
        os.umask(before)
    assert stat.S_IMODE(run.path.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in files_below(run.path)} == {0o600}


def runs_in(parent: Path, *words: str, **environ: str) -> list[Run]:
    done = run_command(*words, MNISTOP_RUNS=str(parent), **environ)
    assert done.returncode == 0, done.stderr
    return [Run(path) for path in parent.iterdir()]


def test_without_a_home_that_can_be_written_a_sentence_says_what_to_do(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "home").touch()
    gone = ("MNISTOP_RUNS", "XDG_STATE_HOME")
    home = {"HOME": str(tmp_path / "home"), "XDG_CONFIG_HOME": str(tmp_path / "home" / "config")}
    listed = run_command("runs", gone=gone, **home)
    assert listed.returncode == 0
    assert "There are no runs yet" in listed.stdout
    refused = run_command("train", "--epochs", "1", gone=gone, **home)
    assert refused.returncode == 2
    assert "Set MNISTOP_RUNS to a folder that can be written" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("closed", ["<&- >&- 2>&-", ">&- 2>&-", "<&-", ">&-", "2>&-"])
def test_with_closed_descriptors_it_trains_all_the_same(folder: Path, closed: str) -> None:
    """Closed by `ssh host 'mnistop train >&- 2>&- <&- &'`, which lets the line go."""
    flags = ["--epochs", "3", "--samples", "100", "--hidden", "4"]
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *COMMAND, "train", *flags],
        env=os.environ,
        timeout=100,
    )
    assert done.returncode == 0
    (run,) = run_folder.list_runs()
    assert epochs_trained(run) == 3
    assert run.log_path.read_text() == ""


def test_in_a_folder_that_was_deleted_it_trains_or_says_what_to_do(
    folder: Path, tmp_path: Path
) -> None:
    def run_there(*words: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "gone").mkdir()
        there = ["sh", "-c", 'cd "$0" && rmdir "$0" && exec "$@"', str(tmp_path / "gone")]
        return subprocess.run(
            [*there, *COMMAND, *words],
            env=os.environ | {"PYTHONPATH": python_path()},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
        )

    trained = run_there("train", "--epochs", "3", "--samples", "100", "--hidden", "4")
    assert trained.returncode == 0, trained.stderr
    for words in (
        ["train", "--source", "images.npz"],
        ["export", "last", "--output", "model.pt"],
        ["attack", "last", "--index", "3"],
    ):
        refused = run_there(*words)
        assert refused.returncode == 2
        assert "The current folder has been deleted: cd to another one." in refused.stderr
        assert "fault" not in refused.stderr


@pytest.mark.pty
def test_the_app_trains_also_when_its_folder_is_deleted(folder: Path) -> None:
    (folder / "gone").mkdir()
    there = ("sh", "-c", 'cd gone && exec "$@"', "sh", *COMMAND)
    with terminal(folder, "--epochs", "5", command=there, PYTHONPATH=python_path()) as shown:
        shown.wait_for("Press r to train")
        (folder / "gone").rmdir()
        shown.send("r")
        shown.wait_for("5 epochs in")
        shown.wait_for("Validation image ")


def test_with_xdg_elsewhere_or_no_home_at_all_runs_are_found_there(
    folder: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "state"
    run, lock = run_folder.create(RunConfig(), elsewhere / "mnistop" / "runs")
    lock.close()
    for gone in ((), ("HOME",)):
        listed = run_command("runs", gone=("MNISTOP_RUNS", *gone), XDG_STATE_HOME=str(elsewhere))
        assert run.name in listed.stdout


def test_runs_that_start_in_the_same_second_have_folders_of_their_own(folder: Path) -> None:
    config = RunConfig(source="digits", samples=100, hidden=(), epochs=1)
    with ThreadPoolExecutor(8) as starters:
        started = list(starters.map(lambda _: worker.launch(config), range(16)))
    assert len({run.path for run in started}) == 16
    wait_until(lambda: not any(run.is_running() for run in started))
    assert len(run_folder.list_runs()) == 16


# No terminal.


def test_without_a_terminal_the_app_says_how_to_train(folder: Path) -> None:
    done = run_command()
    assert done.returncode == 2
    assert "use mnistop train to train" in done.stderr
    assert done.stdout == ""
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize("words", [("train", "--epochs", "1000000"), ("follow", "last")])
def test_a_closed_pipe_ends_a_command_well_and_training_goes_on(
    folder: Path, words: tuple[str, ...]
) -> None:
    if words[0] == "follow":
        endless()
    with subprocess.Popen(
        [*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline().startswith("run ")
        process.stdout.close()
        assert process.wait(100) == 128 + signal.SIGPIPE
        said = process.stderr.read()
    [run] = run_folder.list_runs()
    assert "Traceback" not in said
    assert f"run {run.name} continues" in said
    goes_on(run)


# Others.


def as_somebody_else(what: Callable[[], int]) -> tuple[int, str]:
    """Return another user's process's exit code and its two outputs."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        code = 99
        try:
            os.dup2(write, 1)
            os.dup2(write, 2)
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            code = what()
        finally:
            os._exit(code)
    os.close(write)
    with open(read) as said:
        text = said.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text


@linux
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_somebody_else_may_watch_a_run_that_is_opened_to_him_and_nothing_more(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = Path("/tmp", f"mnistop-shared-{os.getpid()}")
    monkeypatch.setenv("MNISTOP_RUNS", str(shared))
    try:
        run = endless()
        shared.chmod(0o755)
        for path in [run.path, *run.path.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        goes_on(run)
        wait_until((run.path / "checkpoint.pt").exists)
        wait_until(lambda: stat.S_IMODE((run.path / "checkpoint.pt").stat().st_mode) == 0o644)
        for words in (["runs"], ["show", run.name], ["stop", "none"], ["delete", "none", "--yes"]):
            readers.command(*words)  # imports what the other user could not read here
        cell_len("漢")  # for which Rich imports its table of widths

        def as_nobody(*words: str) -> tuple[int, str]:
            return as_somebody_else(lambda: _say(list(words)))

        code, said = as_nobody("runs")
        assert code == 0, said
        assert f"{run.name}  running" in said
        code, said = as_nobody("show", run.name)
        assert code == 0, said
        code, said = as_nobody("stop", run.name)
        assert code == 2
        assert f"Run {run.name} belongs to another user" in said
        code, said = as_nobody("delete", run.name, "--yes")
        assert code == 2
        goes_on(run)

        worker.stop(run)
        wait_until(lambda: not run.is_running())
        assert "belongs to another user" in as_nobody("delete", run.name, "--yes")[1]
        assert run.config().source == "digits"
    finally:
        for run in run_folder.list_runs():
            if process := run.process_id():
                os.kill(process, signal.SIGKILL)
            wait_until(lambda run=run: not run.is_running())
            run.delete()
        shutil.rmtree(shared)


def _say(words: list[str]) -> int:
    import sys

    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
    code = exit_code_of(words)
    sys.stdout.flush()
    sys.stderr.flush()
    return code


@pytest.mark.pty
def test_two_terminals_watch_one_run_and_either_may_stop_it(folder: Path) -> None:
    run = endless()
    with (
        terminal(folder, "--run", run.name) as first,
        terminal(folder, "--run", run.name, size=(80, 24)) as second,
    ):
        for shown in (first, second):
            shown.wait_for("of 1,000,000")
        second.send("s")
        for shown in (second, first):
            shown.wait_for("stopped and saved after")
            shown.send("q")
            assert shown.wait_for_end() == 0


def test_a_number_in_a_lock_that_is_not_of_the_training_process_gets_no_signal(
    folder: Path,
) -> None:
    """The lock is held, but not by the process that it names: as over a shared disk."""
    run, lock = run_folder.create(RunConfig(), folder / "mnistop_runs")
    with subprocess.Popen(["sleep", "100"]) as innocent, lock:
        lock.truncate(0)
        os.pwrite(lock.fileno(), str(innocent.pid).encode(), 0)
        assert run.process_id() == innocent.pid
        with pytest.raises(run_folder.RunError, match="on another machine or in another container"):
            worker.stop(run)
        assert innocent.poll() is None
        innocent.kill()
