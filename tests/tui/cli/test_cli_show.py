import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.command_line import Answer, Finished, Place

pytestmark = pytest.mark.process


Call = Callable[..., Answer]


@pytest.mark.fast
def test_show_tells_the_whole_story_without_pytorch_and_textual(finished: Finished):
    code = (
        "import sys; from mnistop.tui.cli.entry import exit_code_of; "
        "exit_code_of(['show', 'last']); "
        "print({'torch', 'sklearn', 'textual', 'asyncio'} & set(sys.modules), file=sys.stderr)"
    )
    show = subprocess.run(
        [sys.executable, "-c", code],
        env=finished.place.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert show.stderr == "set()\n"
    text = show.stdout
    lines = text.splitlines()
    said = " ".join(text.split())
    assert "\x1b" not in text
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith(f"Run {finished.name}: finished, 12 epochs of 12 in ")
    for words in (
        "SETTINGS",
        "epochs: 12 (the notebook has 100)",
        "training images: 320",
        "validation images: 80",
        "unseen images, to test on: 4,102",
        "image size: 28×28 pixels",
        "classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
        "guessing among 10 has ln 10 = 2.303",
        "lowest loss",
        "CONFUSION MATRIX AFTER EPOCH 11",
        "recall",
        "on 4,102 unseen images, with the weights of the best epoch, ",
        "The validation accuracy is the highest of 12 epochs, chosen by the same 80 images,",
        "of 11 other epochs lie within this interval",
        "MOST CONFIDENT MISTAKES",
        "taken for",
    ):
        assert words in text or words in said
    assert re.search(r"\d+ of 80 right: \d+\.\d% \(\d+\.\d–\d+\.\d\)", text)
    assert re.search(r"%  +0\.1  best", text)
    place = lines.index("CURVES")
    assert "mnistop train --samples 400 --epochs 12 --hidden 16" in lines[place - 4]
    assert f"mnistop resume {finished.name} --epochs 24" in lines[place - 3]
    assert f"mnistop report {finished.name} -o run.html" in lines[place - 2]
    assert re.match(r"Test accuracy \d+\.\d% \(\d+\.\d–\d+\.\d\) on 4,102 unseen images", lines[2])
    assert "MOST CONFIDENT MISTAKES AFTER EPOCH 11" in lines


def test_show_as_json_holds_the_same(call: Call, finished: Finished):
    story = json.loads(call("show", "last", "--json", runs=finished.place.folder).out)
    assert story["state"] == "finished"
    test = story["test"]
    assert (test["images"], test["best_acc"]) == (story["test_images"], story["test_acc"])
    assert test["interval"][0] < test["best_acc"] < test["interval"][1]
    assert story["changes"] == {"samples": "400", "epochs": "12", "hidden": "16"}
    assert [row["epoch"] for row in story["log"]] == list(range(12))
    counts = story["confusion"]["counts"]
    assert sum(map(sum, counts)) == story["facts"]["validation_images"] == 80
    right = sum(counts[index][index] for index in range(10))
    assert abs(right / 80 - story["log"][-1]["val_acc"]) < 1e-6
    low, high = story["best"]["interval"]
    assert low < story["best"]["val_acc"] < high
    wrong = 80 - right
    assert len(story["mistakes"]) == min(8, wrong)
    confidences = [max(one["probabilities"]) for one in story["mistakes"]]
    assert confidences == sorted(confidences, reverse=True)
    assert all(one["prediction"] != one["label"] for one in story["mistakes"])


def test_another_epoch_can_be_shown(call: Call, without_weights: Place):
    answer = call("show", "last", "--epoch", "0", runs=without_weights.folder)
    assert "CONFUSION MATRIX AFTER EPOCH 0" in answer.out
    for epoch in ("12", "-1"):
        answer = call("show", "last", "--epoch", epoch)
        assert answer.code == 2
        assert "has epochs 0 to 11" in answer.err


@pytest.mark.pty
def test_it_takes_the_width_of_the_terminal(without_weights: Place):
    for width in (70, 120):
        text = without_weights.in_terminal("show", "last", width=width).read()
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
        longest = max(len(line) for line in text.splitlines() if "mnistop" not in line)
        assert 0.7 * width < longest <= width


@pytest.mark.pty
def test_no_color_means_no_color(without_weights: Place):
    coloured = without_weights.in_terminal("show", "last").read()
    plain = without_weights.in_terminal("show", "last", NO_COLOR="1").read()
    assert "\x1b[38;5;" in coloured
    assert "\x1b[3" not in plain


def test_without_its_data_all_is_shown(call: Call, finished: Finished, tmp_path: Path):
    folder = tmp_path / "gone" / finished.name
    shutil.copytree(finished.place.folder / finished.name, folder)
    file = folder / "config.json"
    file.write_text(file.read_text().replace('"bundled"', '"/gone"'))
    answer = call("show", "last", runs=folder.parent)
    assert answer.code == 0
    assert "CONFUSION MATRIX" in answer.out
    assert "taken for" in answer.out
