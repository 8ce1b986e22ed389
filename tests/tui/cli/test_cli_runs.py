import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mnistop.engine import worker
from mnistop.engine.runs.entry import About, write_about
from mnistop.engine.runs.event_log import epochs_trained
from mnistop.engine.runs.run_folder import Run
from tests.helpers.command_line import COMMAND, Answer, Finished, Place
from tests.helpers.small_runs import history_of
from tests.helpers.waiting import wait_until

pytestmark = [pytest.mark.process, pytest.mark.fast]


Call = Callable[..., Answer]
KEYS = [
    "name",
    "state",
    "epoch",
    "epochs",
    "pid",
    "config",
    "script",
    "threads",
    "val_acc",
    "val_loss",
    "best_val_acc",
    "best_val_loss",
    "best_epoch",
    "test_images",
    "test_acc",
    "started",
    "ended",
    "sweep",
    "title",
    "note",
    "bytes",
]


def test_runs_as_json_have_their_keys(call: Call, finished: Finished):
    answer = call("runs", "--json", runs=finished.place.folder)
    (row,) = json.loads(answer.out)
    assert list(row) == KEYS
    assert row["name"] == finished.name
    assert row["state"] == "finished"
    assert (row["epoch"], row["epochs"], row["pid"]) == (11, 12, None)
    assert row["config"]["hidden"] == [16]
    assert row["best_val_acc"] >= row["val_acc"] > 0
    assert row["test_images"] == 4102
    assert 0 < row["test_acc"] < 1
    assert row["started"] < row["ended"]


def test_the_table_shows_accuracy_with_its_interval(call: Call, finished: Finished):
    answer = call("runs", runs=finished.place.folder)
    header, row = answer.out.splitlines()
    assert re.split("  +", header)[:7] == [
        *("run", "state", "epochs", "test acc at best", "val acc at best"),
        *("best epoch", "val loss at best"),
    ]
    history = history_of(Run(finished.place.folder / finished.name))
    assert history.best
    assert history.tested
    assert [cell[:6].strip("( ") for cell in re.split("  +", row)[3:7]] == [
        f"{100 * (history.test_acc or 0):.1f}%",
        f"{100 * history.best.val_acc:.1f}%",
        str(history.best.epoch),
        f"{history.best.val_loss:.3f}",
    ]
    assert re.match(f"{finished.name}  finished +12/12  ", row)
    assert "–" in row
    assert "hidden 16" in row


def test_a_filter_leaves_out_what_does_not_fit(call: Call, finished: Finished):
    folder = finished.place.folder
    listed = json.loads(call("runs", "--json", "hidden:16", "val_acc>0.1", runs=folder).out)
    assert [row["name"] for row in listed] == [finished.name]
    assert "None of the 1 run matches" in call("runs", "hidden:17", runs=folder).out
    assert json.loads(call("runs", "--json", "state:failed", runs=folder).out) == []
    refused = call("runs", "hiden:16", runs=folder)
    assert refused.code == 2
    assert "did you mean hidden:256,128?" in refused.err


def test_a_name_and_a_note_are_shown(call: Call, finished: Finished, tmp_path: Path):
    folder = tmp_path / "some"
    shutil.copytree(finished.place.folder / finished.name, folder / finished.name)
    write_about(Run(folder / finished.name), About("my first", "nothing learned"))
    table = call("runs", runs=folder).out
    assert "my first" in table
    assert "nothing learned" in table
    [row] = json.loads(call("runs", "--json", runs=folder).out)
    assert (row["title"], row["note"]) == ("my first", "nothing learned")
    told = call("show", "last", runs=folder).out
    assert "named my first" in told
    assert "Note: nothing learned" in told


def test_no_runs_is_told_kindly(call: Call):
    assert "There are no runs yet" in call("runs").out
    assert json.loads(call("runs", "--json").out) == []


def test_a_damaged_run_hides_no_other(finished: Finished, tmp_path: Path, call: Call):
    folder = tmp_path / "some"
    folder.mkdir()
    (folder / finished.name).symlink_to(finished.place.folder / finished.name)
    for name, content in {
        "20990101-000000-torn-config": "{",
        "20990102-000000-no-hyperparameters": '{"format": 1, "config": {"lr": -1}}',
        "20990103-000000-of-the-future": '{"format": 99, "config": {}}',
    }.items():
        (folder / name).mkdir()
        (folder / name / "config.json").write_text(content)
    (folder / "20990104-000000-empty").mkdir()
    (folder / "stray file").write_text("x")
    answer = call("runs", "--json", runs=folder)
    assert answer.code == 0
    assert [row["name"] for row in json.loads(answer.out)] == [finished.name]
    for name in ("torn-config", "no-hyperparameters", "of-the-future"):
        assert name in answer.err
    assert call("show", "20990101", runs=folder).code == 2


def test_a_run_without_events_and_with_torn_lines_is_listed(call: Call, tmp_path: Path):
    folder = tmp_path / "some"
    run = folder / "20990101-000000-calm-otter"
    run.mkdir(parents=True)
    (run / "config.json").write_text('{"format": 1, "config": {}}')
    for content in (b"", b'\xff\xfe\n{"event": "Epo', b'{"event": "Unknown"}\n[]\n{}\n\n'):
        (run / "events.jsonl").write_bytes(content)
        (row,) = json.loads(call("runs", "--json", runs=folder).out)
        assert row["state"] == "interrupted"
        assert row["epoch"] is row["started"] is row["ended"] is None
        assert call("show", "last", runs=folder).code == 0


def test_an_unknown_or_ambiguous_run_is_told(call: Call, finished: Finished, tmp_path: Path):
    for command in ("show", "follow", "stop", "resume", "delete"):
        answer = call(command, "nothing", runs=finished.place.folder)
        assert answer.code == 2
        assert "There is no run nothing: mnistop runs lists them." in answer.err
    for words in ("calm-otter", "calm-birch"):
        (tmp_path / f"runs/20990101-000000-{words}").mkdir(parents=True)
        (tmp_path / f"runs/20990101-000000-{words}/config.json").write_text("{}")
    answer = call("show", "2099", runs=tmp_path / "runs")
    assert answer.code == 2
    assert "fits 2 runs" in answer.err


def test_what_does_not_train_cannot_be_stopped_or_resumed(call: Call, finished: Finished):
    stopped = call("stop", "last", runs=finished.place.folder)
    assert (stopped.code, stopped.out) == (2, "")
    assert "is not being trained" in stopped.err
    resumed = call("resume", "last", runs=finished.place.folder)
    assert resumed.code == 2
    assert "is finished: to train it on to N epochs in total" in resumed.err


def test_following_a_finished_run_tells_it_again(call: Call, finished: Finished):
    answer = call("follow", "last", runs=finished.place.folder)
    assert answer.code == 0
    assert answer.out == finished.done.stdout
    events = finished.place.folder / finished.name / "events.jsonl"
    assert call("follow", "last", "--json").out == events.read_text()


@pytest.mark.slow
def test_a_detached_run_is_followed_stopped_and_resumed_to_its_end(call: Call, place: Place):
    answer = call("train", "--detach", "--json", "--epochs", "1000000", runs=place.folder)
    name = json.loads(answer.out)["run"]
    worker.pause(Run(place.folder / name))
    follower = subprocess.Popen(
        [*COMMAND, "follow", name, "--json"], env=place.environ, stdout=subprocess.PIPE, text=True
    )
    assert follower.stdout
    for line in follower.stdout:
        if json.loads(line)["event"] == "RunPaused":
            break
    paused = place.state(name)
    assert paused["state"] == "paused"
    assert paused["pid"]
    deleted = place.run("delete", name, "--yes")
    assert deleted.returncode == 2
    assert f"mnistop stop {name} first" in deleted.stderr

    stopped = place.run("stop", name)
    assert stopped.returncode == 0
    assert f"run {name} stopped and saved after" in stopped.stdout
    assert json.loads(follower.stdout.read().splitlines()[-1])["event"] == "RunStopped"
    assert follower.wait(100) == 0

    epochs = end_soon(Run(place.folder / name))
    resumed = call("resume", name, runs=place.folder)
    assert resumed.code == 0
    assert "resumed in epoch" in resumed.out
    assert f"run {name} finished: {epochs} epochs" in resumed.out
    assert place.state(name)["epoch"] == epochs - 1


def end_soon(run: Run) -> int:
    """Reduce the epochs of a stopped run that would not end, and return their number."""
    epochs = epochs_trained(run) + 20
    path = run.path / "config.json"
    path.write_text(path.read_text().replace("1000000", str(epochs)))
    assert run.config().epochs == epochs
    return epochs


@pytest.mark.slow
def test_a_killed_training_is_told_with_what_is_safe(place: Place):
    name = place.train_detached("--epochs", "1000000")
    wait_until(lambda: place.state(name)["epoch"])
    follower = subprocess.Popen(
        [*COMMAND, "follow", name],
        env=place.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert follower.stdout
    follower.stdout.readline()
    pid = place.state(name)["pid"]
    assert isinstance(pid, int)
    wait_until((place.folder / name / "checkpoint.pt").exists)
    os.kill(pid, signal.SIGKILL)
    out, err = follower.communicate(timeout=100)
    assert follower.returncode == 1
    assert f"mnistop resume {name}" in err
    assert "are saved" in err
    assert f"run {name} interrupted after" in out


@pytest.mark.slow
@pytest.mark.pty
def test_delete_asks_on_a_terminal_and_wants_yes_without(place: Place):
    run = place.folder / "20990101-000000-calm-otter"
    run.mkdir(parents=True)
    (run / "config.json").write_text('{"format": 1, "config": {}}')
    refused = place.run("delete", "calm-otter")
    assert refused.returncode == 2
    assert "--yes" in refused.stderr

    terminal = place.in_terminal("delete", "calm-otter")
    terminal.expect("Delete run 20990101-000000-calm-otter .*")
    terminal.sendline("n")
    assert "nothing was deleted" in place.last_words(terminal)
    assert run.exists()

    done = place.run("delete", "calm-otter", "--yes")
    assert done.returncode == 0
    assert not run.exists()


def test_what_a_stranger_writes_forges_no_row_and_no_line(
    call: Call, finished: Finished, tmp_path: Path
):
    folder = tmp_path / "some"
    forged = "20990102-000000-forged  finished  3 of 3"
    run = folder / f"20990101-000000-evil\n{forged}"
    shutil.copytree(finished.place.folder / finished.name, run)
    (run / "about.json").write_text(json.dumps({"name": f"a\n{forged}", "note": f"b\x85{forged}"}))
    manifest = json.loads((run / "config.json").read_text())
    manifest["config"]["source"] = f"c\n{forged}"
    (run / "config.json").write_text(json.dumps(manifest))
    odd = folder / os.fsdecode(b"20980101-000000-\xff\x1b[31m-odd")
    shutil.copytree(finished.place.folder / finished.name, odd)
    for words in (
        ["runs"],
        ["show", "2099"],
        ["show", "2098"],
        ["report", "2099"],
        ["follow", "2099"],
        ["stop", "2099"],
        ["show", "20"],
        ["show", f"nothing\n{forged}"],
        ["show", f"{run}/nothing"],
        ["share", "2099"],
        ["unshare", "2099"],
        ["delete", "2099"],
        ["delete", "2099", "--yes"],
    ):
        answer = call(*words, runs=folder)
        assert "Traceback" not in answer.err
        printed = answer.out + answer.err
        assert not [line for line in printed.splitlines() if line.startswith("20990102")], words
        assert "\x1b" not in printed
    assert not run.exists()
    assert odd.exists()
