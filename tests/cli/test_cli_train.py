import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.cli.command_line import COMMAND, Answer, Finished, Place
from tests.waiting import wait_until

Call = Callable[..., Answer]


def test_in_a_pipe_it_prints_plain_lines(finished: Finished):
    text = finished.done.stdout
    assert text.replace("\n", "").isprintable()
    assert f"run {finished.name} finished: 12 epochs" in text
    assert "epoch  train loss  val loss  train acc  val acc" in text
    rows = [line.split()[0] for line in text.splitlines() if re.match(r" +\d+  +\d", line)]
    assert rows == [str(epoch) for epoch in range(12)]
    assert re.search(r"best: epoch \d+, validation accuracy \d+\.\d% \(\d+\.\d–\d+\.\d\)", text)
    assert f"mnistop show {finished.name}" in text
    assert finished.done.stderr == "loading PyTorch, the data and the model ...\n"


def test_json_is_what_the_run_folder_holds_and_a_failure_is_told(call: Call, tmp_path: Path):
    diverging = ("--lr", "1000", "--hidden", "32 32 32", "--activation", "gelu")
    answer = call("train", "--json", *diverging)
    (folder,) = (tmp_path / "runs").iterdir()
    assert answer.out == (folder / "events.jsonl").read_text()
    assert json.loads(answer.out.splitlines()[-1])["event"] == "RunFailed"
    assert answer.code == 1
    assert "Try a lower learning rate" in answer.err
    assert "Traceback" not in answer.err


def test_data_that_are_missing_are_told_before_a_run_is_made(call: Call, tmp_path: Path):
    answer = call("train", "--source", "/no/such/folder")
    assert answer.code == 2
    assert "/no/such/folder" in answer.err
    assert answer.out == ""
    assert not (tmp_path / "runs").exists()


def test_a_closed_pipe_ends_it_quietly_and_leaves_the_run_training(place: Place):
    command = subprocess.Popen(
        [*COMMAND, "train", "--epochs", "1000000"],
        env=place.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert command.stdout
    assert command.stderr
    command.stdout.readline()
    command.stdout.close()
    *waited, last = command.stderr.read().splitlines()
    assert "goes on; this stops it: mnistop stop" in last
    assert all(line.startswith("loading") for line in waited)
    command.wait(100)
    (folder,) = place.folder.iterdir()
    wait_until(lambda: place.state(folder.name)["epoch"])
    assert place.state(folder.name)["state"] == "running"


def test_a_full_disk_behind_the_output_is_told(finished: Finished):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*COMMAND, "runs"],
            env=finished.place.environ,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 1
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


def test_ascii_means_ascii(call: Call, without_weights: Place):
    for words in (["runs"], ["show", "last"], ["follow", "last"], ["data"]):
        answer = call(*words, "--ascii", runs=without_weights.folder)
        assert answer.code == 0
        assert answer.out.isascii()
        assert call("--ascii", *words).out == answer.out
