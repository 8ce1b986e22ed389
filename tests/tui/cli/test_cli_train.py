import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from tests.helpers.color_images import write_npz
from tests.helpers.command_line import COMMAND, SHORT, Answer, Finished, Place
from tests.helpers.waiting import wait_until

pytestmark = [pytest.mark.process, pytest.mark.slow]


Call = Callable[..., Answer]


def test_in_a_pipe_it_prints_plain_lines(finished: Finished):
    text = finished.done.stdout
    assert text.replace("\n", "").isprintable()
    assert f"run {finished.name} finished: 12 epochs" in text
    assert "epoch  train loss  val loss  train acc  val acc" in text
    rows = [line.split()[0] for line in text.splitlines() if re.match(r" +\d+  +\d", line)]
    assert rows == [str(epoch) for epoch in range(12)]
    number = r"\d+\.\d% \(\d+\.\d–\d+\.\d\)"
    assert re.search(rf"test: accuracy {number} on 4,102 unseen images, 95% interval\n", text)
    best = rf"best: epoch \d+, validation accuracy {number}; the best of 12 flatters\n"
    assert re.search(best, text)
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


@pytest.fixture
def by_class(tmp_path: Path) -> str:
    """scikit-learn's digits sorted by class: the first half has half of the classes."""
    images, labels = load_digits(return_X_y=True)
    order = np.argsort(labels, kind="stable")
    path = tmp_path / "by class.npz"
    np.savez(path, images=images[order], labels=labels[order])
    return str(path)


MISSING = (
    "5 of the 10 classes have no training image (5, 6, 7, …): validation accuracy says nothing "
    "about them."
)


@pytest.mark.pty
def test_classes_that_are_missing_are_told_before_training(call: Call, place: Place, by_class: str):
    flags = ("--source", by_class, "--pixel-range", "0 16", "--samples", "880", "--epochs", "2")
    flags += ("--split", "random")  # which keeps the order of images
    answer = call("train", *flags, runs=place.folder)
    assert MISSING in answer.err
    assert "finished: 2 epochs" in answer.out

    answer = call("train", *flags, "--json", runs=place.folder)
    started = next(
        json.loads(line) for line in answer.out.splitlines() if '"event":"RunStarted"' in line
    )
    assert any(note.startswith(MISSING) for note in started["notes"])
    assert sum(started["training_counts"]) == 704
    assert sum(started["validation_counts"]) == 176
    assert started["training_counts"][5:] == started["validation_counts"][5:] == [0] * 5
    assert MISSING in answer.err

    text = " ".join(place.in_terminal("train", *flags).read().split())
    assert text.index("5 of the 10 classes have no training image") < text.index("train loss")

    text = " ".join(call("show", "last", runs=place.folder).out.split())
    assert text.count(MISSING) == 2, "once with the data, once by the coach"
    assert "images of each class, training + validation: 0: 1" in text
    report = call("report", "last", "-o", "-", "--format", "markdown", runs=place.folder).out
    assert MISSING in " ".join(report.split())


def test_a_range_that_is_not_clear_is_refused_before_a_run_is_made(
    call: Call, place: Place, by_class: str
):
    answer = call("train", "--source", by_class, runs=place.folder)
    assert answer.code == 2
    assert "float64 from 0 to 16" in answer.err
    assert '--pixel-range "0 16"' in answer.err
    assert not place.folder.exists() or not list(place.folder.iterdir())


def test_a_stated_range_trains_as_the_named_source_does_and_is_kept(call: Call, place: Place):
    images, labels = load_digits(return_X_y=True)
    path = place.folder.parent / "digits.npz"
    np.savez(path, images=images, labels=labels)
    flags = ("--samples", "400", "--epochs", "3", "--hidden", "16")
    own = ("--source", str(path), "--pixel-range", "0 16")
    epochs = []
    for source in (("--source", "digits"), own):
        lines = call("train", "--json", *flags, *source, runs=place.folder).out.splitlines()
        said = [json.loads(line) for line in lines]
        epochs.append([one["val_loss"] for one in said if one["event"] == "EpochFinished"])
    assert epochs[0] == epochs[1]
    runs = json.loads(call("runs", "--json", runs=place.folder).out)
    assert runs[0]["config"]["pixel_range"] == [0, 16]
    again = call("show", "last", runs=place.folder).out
    assert "--pixel-range '0 16'" in again
    resumed = call("resume", "last", runs=place.folder)
    assert "finished" in resumed.err


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
    assert "continues; to stop it: mnistop stop" in last
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


def test_a_finished_run_is_trained_on_to_a_total_of_epochs(place: Place) -> None:
    name = place.train_detached(*SHORT)
    assert place.run("follow", name).returncode == 0
    refused = place.run("resume", name)
    assert (refused.returncode, "--epochs N" in refused.stderr) == (2, True)
    refused = place.run("resume", name, "--epochs", "12")
    assert refused.returncode == 2
    assert "has 12 epochs already" in refused.stderr
    wrong = place.run("resume", name, "--epochs", "many")
    assert wrong.returncode == 2
    assert "--epochs: Epochs must be a whole number" in wrong.stderr
    done = place.run("resume", name, "--epochs", "15")
    assert done.returncode == 0, done.stderr
    assert "resumed in epoch 12 of 15" in done.stdout
    assert f"run {name} finished: 15 epochs" in done.stdout
    assert place.state(name)["epochs"] == 15
    assert f"mnistop resume {name} --epochs 30" in place.run("show", name).stdout


def test_a_sweep_is_not_given_another_length(place: Place) -> None:
    name = place.run("sweep", "--seeds", "2", *SHORT, "--detach").stdout.strip()
    refused = place.run("resume", name, "--epochs", "50")
    assert refused.returncode == 2
    assert "--epochs is for runs" in refused.stderr


def test_images_in_colour_are_trained_on_shown_and_attacked(call: Call, tmp_path: Path):
    source = write_npz(tmp_path / "colours.npz", channels_first=True)
    flags = ("--source", str(source), "--samples", "all", "--epochs", "8", "--hidden", "8")
    answer = call("train", "--json", *flags, "--shift", "1", "--batch-size", "8")
    assert answer.code == 0, answer.err
    events = [json.loads(line) for line in answer.out.splitlines()]
    (started,) = (event for event in events if event["event"] == "RunStarted")
    assert started["image_shape"] == [6, 5, 3]
    assert started["layers"] == [90, 8, 3]
    assert events[-1]["event"] == "RunFinished"
    assert max(event.get("val_acc") or 0 for event in events) > 0.9
    assert "6×5×3 pixels" in call("show", "last").out
    attacked = json.loads(call("attack", "last", "--index", "0", "--json").out)
    assert 0 <= attacked["certified_epsilon"] <= attacked["fgsm_epsilon"]
