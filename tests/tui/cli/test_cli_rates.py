"""`mnistop rates`: the curve and its marks, for people and for programs, and runs at the marks."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from tests.helpers.command_line import Answer, Place
from tests.helpers.data_files import some_images

pytestmark = pytest.mark.process


Call = Callable[..., Answer]
SMALL = ("--source", "digits", "--samples", "400", "--hidden", "16", "--epochs", "20")


@pytest.mark.slow
def test_the_curve_is_drawn_with_three_marks_and_what_to_do_next(call: Call, tmp_path: Path):
    answer = call("rates", *SMALL, "--ascii")
    assert answer.code == 0, answer.err
    assert answer.out.isascii()
    lines = [line for line in answer.out.splitlines() if "mnistop " not in line]
    assert max(map(len, lines)) <= 80
    assert "learning-rate range test: " in answer.out
    for mark in ("too low", "good", "too high"):
        assert any(line.startswith(mark) for line in lines)
    assert ":too low" in answer.out
    assert "mnistop train --lr 0." in answer.out
    flags = "--source digits --samples 400 --epochs 20 --hidden 16"
    assert f"mnistop rates --train {flags}" in answer.out
    assert not (tmp_path / "runs").exists()


@pytest.mark.fast
def test_trained_at_the_marks_each_run_is_told_and_kept(call: Call, tmp_path: Path):
    answer = call("rates", *SMALL, "--train", "--json")
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    low, good, high = told["runs"]
    assert [run["lr"] for run in told["runs"]] == list(told["marks"].values())
    assert [run["mark"] for run in told["runs"]] == ["too_low", "good", "too_high"]
    assert [run["verdict"] for run in told["runs"]] == ["too_low", "works", "too_high"]
    assert low["val_acc"] < good["val_acc"] > high["val_acc"]
    assert "training loss has fallen only from" in low["sentence"]
    assert len(told["rates"]) == len(told["losses"])
    for run in told["runs"]:
        assert (tmp_path / "runs" / run["run"] / "events.jsonl").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "flags",
    [
        ("--samples", "5"),
        ("--samples", "20"),
        ("--samples", "50", "--activation", "sigmoid"),
        ("--samples", "10", "--optimizer", "adam"),
        ("--samples", "10", "--hidden", "none"),
        ("--samples", "20", "--epochs", "1"),
        ("--samples", "5", "--val-fraction", "0.8"),  # one image to train on, and so one class
        ("--samples", "100", "--batch-size", "1000", "--epochs", "20"),
    ],
    ids=" ".join,
)
def test_what_the_runs_show_and_what_is_recommended_agree(call: Call, flags: tuple[str, ...]):
    answer = call("rates", *flags, "--train", "--json")
    told = json.loads(answer.out)
    shown = {run["lr"]: run["verdict"] for run in told["runs"]}
    good = told["marks"]["good"]
    assert good is None or shown[good] in ("works", "one_class")
    assert told["recommended"] is None or shown[told["recommended"]] == "works"
    assert answer.code == (1 if told["recommended"] is None else 0)
    for mark, rate in told["marks"].items():
        reason = told["reasons"][mark.replace("_", " ")]
        assert (rate is None) == reason.startswith("None")


def test_from_training_images_of_one_class_no_rate_is_recommended(
    call: Call, tmp_path: Path
) -> None:
    path = tmp_path / "one class.npz"
    labels = np.zeros(20, np.int64)
    labels[train_test_split(np.arange(20), test_size=0.2, random_state=42)[1][0]] = 1
    np.savez(path, images=some_images(20), labels=labels)
    answer = call("rates", "--source", str(path), "--samples", "20", "--epochs", "20", "--train")
    said = " ".join(answer.out.split())
    assert answer.code == 1
    assert "it tells nothing" in said
    assert "No rate can be called good: all training images are of one class" in said
    assert "train at the good rate" not in said


def test_where_no_rate_is_good_that_is_said_and_none_is_recommended(call: Call):
    answer = call("rates", "--samples", "20", "--epochs", "1", "--train")
    assert answer.code == 1, answer.err
    sentences = " ".join(answer.out.split())
    assert "good - None: a run this short learns almost nothing" in sentences
    assert "None of these rates works" in sentences
    assert "train with" not in answer.out


def test_where_nothing_is_learned_all_three_are_null_with_a_reason(call: Call):
    answer = call("rates", *SMALL, "--clip-norm", "1e-9", "--train", "--json")
    told = json.loads(answer.out)
    assert answer.code == 1
    assert told["marks"] == {"too_low": None, "good": None, "too_high": None}
    assert [reason[:4] for reason in told["reasons"].values()] == ["None"] * 3
    assert told["recommended"] is None
    assert "runs" not in told


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--lr", "0"], "--lr"),
        (["--source", "/no/such/file"], "/no/such/file"),
        (["--train", "--source", "digitz"], "did you mean digits?"),
        (["extra"], "extra"),
    ],
)
def test_what_cannot_be_tested_is_told(call: Call, words: list[str], part: str):
    answer = call("rates", *words)
    assert answer.code == 2
    assert part in answer.err
    assert answer.out == ""


@pytest.mark.pty
def test_ctrl_c_ends_it_with_130_and_stops_the_runs(place: Place):
    endless = ("--source", "digits", "--hidden", "16", "--epochs", "1000000")
    terminal = place.in_terminal("rates", "--train", *endless)
    terminal.expect("training; too low: epoch [0-9]+ of")
    terminal.sendintr()
    terminal.expect("is stopping and saving")
    place.last_words(terminal)
    assert terminal.exitstatus == 130
    listed = json.loads(place.run("runs", "--json").stdout)
    assert listed
    assert all(run["state"] in ("stopped", "running") for run in listed)
