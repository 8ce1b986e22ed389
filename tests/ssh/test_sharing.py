"""Several ordinary users on one machine: what each may read of the others' runs, and how."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path

import pytest

from mnistop.engine import worker
from mnistop.engine.config import RunConfig
from mnistop.engine.runs.event_log import epochs_trained
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.sharing import share, unshare
from tests.helpers import made_up
from tests.helpers.processes import endless
from tests.helpers.small_runs import kill_all
from tests.helpers.waiting import wait_until
from tests.ssh.users import User

pytestmark = [pytest.mark.process, pytest.mark.slow]


NAME = "20260101-120000-quiet-otter"


def give(path: Path, user: User) -> None:
    """Make everything below a path a user's own, and private."""
    for found in [path, *path.rglob("*")]:
        os.chown(found, user.number, user.number, follow_symlinks=False)
        if not found.is_symlink():
            found.chmod(0o700 if found.is_dir() else 0o600)


def run_of(user: User, folder: Path, name: str = NAME, ends: bool = True) -> Run:
    """A run of a user's in a folder of runs, finished or dead."""
    said = [*made_up.story(3, name), *([made_up.finished(3, name)] if ends else [])]
    run = made_up.write_run(folder, said, RunConfig(epochs=3), name)
    (run.path / "lock").write_text("1")
    give(run.path, user)
    return run


def home_runs(user: User) -> Path:
    """The runs folder where a user has not chosen another one."""
    folder = user.home / ".local/state/mnistop/runs"
    folder.mkdir(parents=True)
    for path in (user.home / ".local", user.home / ".local/state", folder.parent):
        path.chmod(0o755)
        os.chown(path, user.number, user.number)
    folder.chmod(0o700)
    os.chown(folder, user.number, user.number)
    return folder


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def line_for_others(printed: str) -> list[str]:
    """The words of the command that the others are to type."""
    [line] = re.findall(r"for the others to type +mnistop (.*)", printed)
    return ["show", line.split()[-1]]


@pytest.fixture
def group(place: Path) -> Path:
    """A folder of runs in which everybody may make some."""
    folder = place / "runs"
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


# Unreadable things among the runs.


@pytest.mark.parametrize("command", ["show", "report", "follow", "stop", "delete"])
def test_a_private_run_of_another_user_hinders_no_command(
    command: str,
    users: tuple[User, User],
    group: Path,
) -> None:
    one, other = users
    mine = run_of(one, group)
    run_of(other, group, "20260102-120000-their-run")
    flags = ["--yes"] if command == "delete" else []
    done = one.run(command, "quiet-otter", *flags, MNISTOP_RUNS=str(group))
    assert "fault of the program" not in done.stderr
    assert NAME in done.stdout + done.stderr
    assert mine.path.exists() == (command != "delete")
    listed = one.run("runs", "--json", MNISTOP_RUNS=str(group))
    assert "their-run" not in listed.stdout + listed.stderr
    done = one.run(command, "their-run", *flags, MNISTOP_RUNS=str(group))
    assert done.returncode == 2
    assert "permission denied" in done.stderr


def test_what_may_not_be_read_is_not_called_missing(
    users: tuple[User, User],
    group: Path,
) -> None:
    one, other = users
    run = run_of(other, group)
    for words in (["runs"], ["show", "last"], ["follow", "last"]):
        done = one.run(*words, MNISTOP_RUNS=str(group))
        assert "permission denied" in done.stdout + done.stderr
        assert "MNISTOP_RUNS" in done.stdout + done.stderr
        assert "no runs yet" not in done.stdout + done.stderr
    group.chmod(0o744)  # to be listed and not entered
    assert "permission denied" in one.run("runs", MNISTOP_RUNS=str(group)).stdout
    group.chmod(0o711)  # to be entered and not listed
    os.chown(group, other.number, other.number)
    listed = one.run("runs", "--json", MNISTOP_RUNS=str(group))
    assert (listed.returncode, listed.stdout) == (2, "")
    assert "may not be listed" in listed.stderr
    run.path.chmod(0o755)
    for path in run.path.iterdir():
        path.chmod(0o644)
    assert "finished" in one.run("show", NAME, MNISTOP_RUNS=str(group)).stdout


@pytest.mark.parametrize("closed", ["config.json", "events.jsonl", "lock"])
def test_a_run_that_can_be_read_in_part_is_not_called_dead(
    closed: str,
    users: tuple[User, User],
    group: Path,
) -> None:
    one, other = users
    run = run_of(other, group, ends=False)
    run.path.chmod(0o755)
    for path in run.path.iterdir():
        path.chmod(0o600 if path.name == closed else 0o644)
    for words in (["show", NAME], ["follow", NAME]):
        done = one.run(*words, MNISTOP_RUNS=str(group))
        assert done.returncode == 2
        assert f"cannot be read ({closed}: permission denied)" in done.stderr
        assert f"user {other.number}, who can open it with mnistop share" in done.stderr
    assert json.loads(one.run("runs", "--json", MNISTOP_RUNS=str(group)).stdout) == []


# The index.


def test_the_index_is_private_and_nobody_believes_that_of_another_user(
    users: tuple[User, User],
    group: Path,
) -> None:
    one, other = users
    run_of(one, group)
    listed = one.run("runs", "--json", MNISTOP_RUNS=str(group)).stdout
    [index] = [path for path in group.iterdir() if "index" in path.name]
    assert mode(index) == 0o600
    forged = json.loads(index.read_text())
    forged["runs"][NAME]["overview"]["test_acc"] = 0.999
    for name in {index.name, ".index.json"}:
        (group / name).unlink(missing_ok=True)
        (group / name).write_text(json.dumps(forged))
        os.chown(group / name, other.number, other.number)
        (group / name).chmod(0o644)
    assert one.run("runs", "--json", MNISTOP_RUNS=str(group)).stdout == listed


# Sharing.


def test_a_shared_run_is_read_by_another_user_and_by_nobody_once_it_is_taken_back(
    users: tuple[User, User],
) -> None:
    one, other = users
    folder = home_runs(one)
    run, neighbour = run_of(one, folder), run_of(one, folder, "20260102-120000-keen-wren")
    done = one.run("share", "quiet-otter")
    assert done.returncode == 1, done.stderr  # the home folder is closed
    assert mode(one.home) == 0o700
    assert mode(folder) == 0o711
    asked = line_for_others(done.stdout)
    refused = other.run(*asked)
    assert refused.returncode == 2
    assert f"permission denied; {one.home} belongs to" in refused.stderr

    [command] = re.findall(r"^ +(chmod .*)", done.stdout, re.MULTILINE)
    assert command == f"chmod a+x {one.home}"
    one.shell(command)
    assert one.run("share", "quiet-otter").returncode == 0
    shown = other.run(*asked)
    assert f"Run {NAME}: finished" in shown.stdout
    assert "mnistop resume" not in shown.stdout
    assert f"mnistop --run {run.path}" in shown.stdout
    assert other.run("show", str(neighbour.path)).returncode == 2
    assert mode(neighbour.path) == 0o700
    for words in (["delete", "--yes"], ["resume"], ["share"], ["unshare"]):
        refused = other.run(*words, str(run.path))
        assert refused.returncode == 2
        assert f"Run {NAME} belongs to another user, who alone can do that." in refused.stderr

    assert one.run("unshare", "quiet-otter").returncode == 0
    assert mode(folder) == 0o700
    assert {mode(path) for path in run.path.iterdir()} == {0o600}
    assert "permission denied" in other.run(*asked).stderr


def test_a_copy_is_shared_where_the_home_folder_stays_closed(
    users: tuple[User, User],
    place: Path,
) -> None:
    one, other = users
    run = run_of(one, home_runs(one))
    (run.path / "secret").symlink_to("/etc/shadow")
    (run.path / "diary").write_text("mine")
    public = place / "public"
    public.mkdir()
    public.chmod(0o1777)
    done = one.run("share", NAME, "--to", str(public))
    assert done.returncode == 0, done.stderr
    assert mode(run.path) == 0o700
    assert f"Run {NAME}: finished" in other.run(*line_for_others(done.stdout)).stdout
    copied = {path.name for path in (public / NAME).iterdir()}
    assert copied == {path.name for path in run.path.iterdir()} - {"secret", "diary"}
    assert "is there already" in one.run("share", NAME, "--to", str(public)).stderr
    assert other.run("delete", str(public / NAME), "--yes").returncode == 2
    assert one.run("delete", str(public / NAME), "--yes").returncode == 0
    assert run.is_there()


def test_a_shared_run_is_followed_live_with_what_it_writes_later_until_it_is_taken_back(
    users: tuple[User, User],
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader, _ = users
    monkeypatch.setenv("MNISTOP_RUNS", str(place / "own"))
    run = endless(source="bundled", samples=200)
    try:
        assert share(run).closed == ()
        checkpoint = run.path / "checkpoint.pt"
        wait_until(checkpoint.exists)
        first = checkpoint.stat().st_ino
        wait_until(lambda: checkpoint.stat().st_ino != first)
        assert mode(checkpoint) == 0o644  # written after it was shared
        with reader.start("follow", str(run.path), "--json") as following:
            assert following.stdout
            assert following.stderr
            reached = epochs_trained(run)
            for line in following.stdout:
                if json.loads(line).get("epoch", -1) > reached:
                    break
            unshare(run)
            following.stdout.read()
            assert "cannot be read (config.json: permission denied)" in following.stderr.read()
        assert following.returncode == 2
        assert run.is_running()
        assert mode(run.path) == mode(place / "own") == 0o700
    finally:
        kill_all()
        wait_until(lambda: not run.is_running())
        worker.close()


def test_one_who_may_write_the_runs_folder_cannot_make_another_overwrite_a_file_by_a_link(
    users: tuple[User, User],
    group: Path,
) -> None:
    one, other = users
    run_of(one, group)
    precious = one.home / "precious"
    precious.write_text("kept")
    give(precious, one)
    for name in (".index.json", f".index-{one.number}.json"):
        (group / name).symlink_to(precious)
        os.chown(group / name, other.number, other.number, follow_symlinks=False)
    assert NAME in one.run("runs", MNISTOP_RUNS=str(group)).stdout
    assert precious.read_text() == "kept"
    assert mode(precious) == 0o600
