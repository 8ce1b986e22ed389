"""`mnistop exercise`: the script with blanks, and its check for a person and for programs."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mnistop.engine.course.template import TEMPLATE
from mnistop.tui.cli import exercise
from tests.engine.course.loops import MODEL, STEP, file_of
from tests.engine.course.test_template import filled_in
from tests.helpers.command_line import Place

pytestmark = pytest.mark.process

BLANKS = [
    "input_size",
    "hidden_size",
    "num_classes",
    "learning_rate",
    "MLP.__init__",
    "MLP.forward",
    "train_step",
    "evaluate",
    "loop",
]


def checked(place: Place, path: Path, *words: str) -> tuple[int, list[dict[str, object]]]:
    done = place.run("exercise", "check", str(path), "--json", *words)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_a_new_script_has_blanks_and_is_not_replaced(place: Place, tmp_path: Path):
    path = tmp_path / "loop.py"
    done = place.run("exercise", "new", str(path))
    assert done.returncode == 0, done.stderr
    assert "mnistop exercise check" in done.stdout
    assert path.read_text() == TEMPLATE.format(name="loop.py")
    ast.parse(path.read_text())
    again = place.run("exercise", "new", str(path))
    assert again.returncode == 2
    assert "is there already" in again.stderr
    assert place.run("exercise", "new", str(path), "--force").returncode == 0
    code, found = checked(place, path)
    assert code == 1
    assert [one["blank"] for one in found] == BLANKS
    assert {one["blank"] for one in found if one["state"] == "blank"} == set(BLANKS) - {"loop"}
    assert found[0]["message"].startswith("Line 25: not filled in")
    assert list(found[0]) == ["blank", "state", "message", "line"]


def test_the_filled_in_script_is_right_runs_and_records_itself(place: Place, tmp_path: Path):
    path = tmp_path / "loop.py"
    path.write_text(filled_in(epochs=3))
    code, found = checked(place, path)
    assert [one["state"] for one in found] == ["right"] * len(BLANKS), found
    assert code == 0
    assert not place.folder.exists()  # a check records nothing
    done = subprocess.run(
        [sys.executable, path], env=place.environ, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    assert "epoch   2  val loss" in done.stdout
    (run,) = json.loads(place.run("runs", "--json").stdout)
    assert run["state"] == "finished"


@pytest.mark.fast
def test_a_person_reads_a_line_for_each_blank(place: Place, tmp_path: Path):
    path = tmp_path / "loop.py"
    path.write_text(file_of(step=STEP.replace("-=", "+=")))
    done = place.run("exercise", "check", str(path), "--ascii")
    assert done.returncode == 1
    assert "x train_step     WRONG  Line 33: the loss rises" in done.stdout
    assert "8 of 9 right; go on with train_step." in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    path.write_text(file_of())
    done = place.run("exercise", "check", str(path))
    assert done.returncode == 0
    assert "All right" in done.stdout


def test_a_folder_is_a_table(place: Place, tmp_path: Path):
    (tmp_path / "ann.py").write_text(file_of())
    (tmp_path / "bob.py").write_text(file_of(step=STEP.replace("-=", "+=")))
    (tmp_path / "cem.py").write_text("def train_step(:\n")
    (tmp_path / "dan.py").write_text(TEMPLATE.format(name="dan.py"))
    (tmp_path / "notes.txt").write_text("no script")
    done = place.run("exercise", "check", str(tmp_path), "--ascii")
    assert done.returncode == 1
    rows = done.stdout.splitlines()
    assert rows[0].split() == ["file", "right", "blank", "wrong", "error"]
    assert rows[1].split() == ["+", "ann.py", "9", "0", "0", "0"]
    assert rows[2].split() == ["x", "bob.py", "8", "0", "1", "0"]
    assert rows[3].split() == ["x", "cem.py", "0", "0", "0", "1"]
    assert rows[4].split() == ["o", "dan.py", "1", "8", "0", "0"]
    assert "  train_step    WRONG  Line 33: the loss rises: the weights go along" in done.stdout
    assert "The sign is wrong" not in done.stdout  # one sentence is enough in a table
    assert "  not filled in:  input_size, hidden_size" in done.stdout
    assert "1 of 4 files all right" in done.stdout
    code, found = checked(place, tmp_path)
    assert code == 1
    names = [one["file"] for one in found]
    assert names == ["ann.py"] * 9 + ["bob.py"] * 9 + ["cem.py"] + ["dan.py"] * 9


@pytest.mark.fast
def test_what_cannot_be_read_is_an_error_of_use(place: Place, tmp_path: Path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "binary.py").write_bytes(b"\xff\xfe\x00")
    for name in ("none.py", "folder", "binary.py"):
        done = place.run("exercise", "check", str(tmp_path / name))
        assert done.returncode == 2, name
        assert name in done.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
@pytest.mark.pty
def test_a_file_of_another_user_runs_only_after_asking(place: Place, tmp_path: Path):
    path = tmp_path / "theirs.py"
    path.write_text(file_of() + f"\nopen({str(tmp_path / 'ran')!r}, 'w').close()\nx = 1\n")
    os.chown(path, 12345, -1)
    done = place.run("exercise", "check", str(path))
    assert done.returncode == 2
    assert "theirs.py" in done.stderr
    assert "--yes" in done.stderr
    asked = place.in_terminal("exercise", "check", str(path))
    asked.expect("Execute 1 file of other users")
    asked.sendline("n")
    assert "nothing was checked" in place.last_words(asked)
    assert checked(place, path, "--yes")[0] == 0


def polled(monkeypatch: pytest.MonkeyPatch, path: Path, owner: int, *polls: object) -> int:
    """The number of polls until a changed file is found, with an action before each."""
    done: list[float] = []

    def sleep(seconds: float) -> None:
        if len(done) < len(polls):
            action = polls[len(done)]
            assert callable(action)
            action()
        done.append(seconds)

    monkeypatch.setattr(exercise.time, "sleep", sleep)
    found = list(exercise._wait_for_change(path, {}, {path: []}, {path: owner}, False))
    assert found == [path]
    return len(done)


@pytest.mark.fast
def test_watch_waits_until_a_file_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    path = tmp_path / "loop.py"
    path.write_text("")
    polls = [lambda n=n: path.write_text("x" * n) for n in (1, 2, 3)]
    assert polled(monkeypatch, path, os.getuid(), *polls) == 4


@pytest.mark.fast
def test_watch_passes_over_a_file_that_another_user_put_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    path = tmp_path / "loop.py"
    path.write_text("x = 1\n")
    own, other = os.getuid(), os.getuid() + 1

    def become(user: int) -> None:
        monkeypatch.setattr(exercise.os, "getuid", lambda: user)

    polls = [lambda: become(other)] * 3 + [lambda: become(own)]
    assert polled(monkeypatch, path, other, *polls) == 5


@pytest.mark.pty
def test_watch_goes_on_after_a_save_that_cannot_be_read(place: Place, tmp_path: Path):
    path = tmp_path / "loop.py"
    path.write_text(file_of())
    terminal = place.in_terminal("exercise", "check", str(path), "--watch")
    terminal.expect("All right")
    path.write_bytes(b"# \xe9\n")
    terminal.expect("not a text in UTF-8")
    path.write_text(file_of())
    terminal.expect("All right")
    terminal.sendintr()
    place.last_words(terminal)
    assert terminal.exitstatus == 130


@pytest.mark.pty
def test_watch_checks_again_at_every_save(place: Place, tmp_path: Path):
    path = tmp_path / "loop.py"
    path.write_text(file_of(step=STEP.replace("-=", "+=")))
    terminal = place.in_terminal("exercise", "check", str(path), "--watch")
    terminal.expect("the loss rises")
    terminal.expect("8 of 9 right")
    path.write_text(file_of())
    terminal.expect("loop.py was saved")
    terminal.expect("All right")
    beside = tmp_path / "loop.py~"  # as editors save
    beside.write_text(file_of(model=MODEL.replace("self.relu(", "(")))
    beside.replace(path)
    terminal.expect("loop.py was saved")
    terminal.expect("no bend")
    terminal.expect("8 of 9 right")
    terminal.sendintr()
    place.last_words(terminal)
    assert terminal.exitstatus == 130
