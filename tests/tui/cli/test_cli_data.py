import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mnistop.engine.config import RunConfig
from mnistop.engine.formatting import accuracy, count, duration, is_milestone, loss
from tests.helpers.command_line import Answer, Place
from tests.helpers.data_files import write_idx_pair
from tests.helpers.odd_data import MadeUpSearch, write_odd

Call = Callable[..., Answer]


def test_the_bundled_images_are_described(call: Call):
    answer = call("data")
    assert answer.code == 0
    for words in (
        "4,502 images of 28×28 pixels, 10 classes",
        "CC BY-SA 3.0",
        "pixels: uint8 from 0 (black) to 255 (white)",
        "3,601 training images, 901 validation images",
        "none are left to test a trained model on; --samples 1000 leaves 3,502",
        "mnistop train --samples all",
    ):
        assert words in answer.out
    assert max(map(len, answer.out.splitlines())) <= 80


def test_labels_with_gaps_are_told(call: Call, tmp_path: Path):
    file = tmp_path / "gaps.npz"
    np.savez(file, images=np.eye(20).repeat(2, 0).reshape(40, 4, 5), labels=[0, 50] * 20)
    words = (
        "49 of the 51 classes have no image here (1, 2, 3, …): there is a class for every number"
    )
    assert words in " ".join(call("data", str(file)).out.split())
    assert "no image" not in call("data", "digits").out


def test_a_stated_range_is_told_and_goes_into_the_command(call: Call, tmp_path: Path):
    file = tmp_path / "dim.npz"
    images = np.random.default_rng(0).integers(0, 17, (40, 9, 9))
    np.savez(file, images=images, labels=np.arange(40) % 4)
    answer = call("data", str(file))
    assert answer.code == 2
    assert '--pixel-range "0 16"' in answer.err
    answer = call("data", str(file), "--pixel-range", "0 16")
    assert "pixels: int64 from 0 (black) to 16 (white), scaled to 0 to 1" in answer.out
    assert f"--source {file} --samples all --pixel-range '0 16'" in answer.out
    answer = call("data", "digits", "--pixel-range", "0 16")
    assert answer.code == 2
    assert "range of digits is known" in answer.err
    answer = call("data", "digits", "--pixel-range", "16 0")
    assert answer.code == 2
    assert "--pixel-range: Pixel range must be auto, or two numbers" in answer.err


def test_classes_are_counted_on_both_sides_and_missing_ones_told(call: Call, tmp_path: Path):
    file = tmp_path / "by class.npz"
    images = np.random.default_rng(0).integers(0, 256, (40, 9, 9), np.uint8)
    np.savez(file, images=images, labels=np.arange(40) % 2 + np.arange(40) // 20 * 2)
    text = call("data", str(file), "--samples", "20").out
    assert "2 of the 4 classes have no training image (2, 3)" in " ".join(text.split())
    assert "TRAINING IMAGES OF EACH CLASS" in text
    assert "VALIDATION IMAGES OF EACH CLASS" in text


def test_blank_images_are_told(call: Call, tmp_path: Path):
    file = tmp_path / "blank.npz"
    np.savez(file, images=np.zeros((40, 9, 9), np.uint8), labels=np.arange(40) % 4)
    text = " ".join(call("data", str(file)).out.split())
    assert "The images are nearly blank: the pixels of a typical one are all the same." in text


def test_fewer_samples_and_an_own_file(call: Call, tmp_path: Path):
    file = tmp_path / "my digits.npz"
    labels = np.arange(40) % 4
    np.savez(file, images=np.random.default_rng(0).integers(0, 255, (40, 9, 9)), labels=labels)
    answer = call("data", str(file), "--samples", "20")
    assert answer.code == 0
    assert "20 images of 9×9 pixels, 4 classes" in answer.out
    assert f"mnistop train --source '{file}' --samples 20" in answer.out
    assert "".join(answer.out.split()).startswith("".join(str(file).split()) + "20images")


def test_it_tells_how_many_images_stay_unseen(call: Call, tmp_path: Path):
    write_idx_pair(tmp_path, "train", 6)
    write_idx_pair(tmp_path, "t10k", 4)
    said = " ".join(call("data", str(tmp_path)).out.split())
    assert "6 images of 4×4 pixels" in said
    assert "4 more images left to test a trained model on" in said
    said = " ".join(call("data", str(tmp_path), "--samples", "9", "--split", "random").out.split())
    assert "1 more image left to test" in said


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["/no/such/file"], "/no/such/file"),
        (["digitz"], "did you mean digits?"),
        (["--samples", "5000"], "4,502"),
        (["--samples", "0"], "--samples"),
        (["--samples", "many"], "'many'"),
        (["/dev/null"], "/dev/null"),
        (["bundled", "digits"], "digits"),
    ],
)
def test_what_cannot_be_used_is_told(call: Call, words: list[str], part: str):
    answer = call("data", *words)
    assert answer.code == 2
    assert part in answer.err
    assert answer.out == ""


@pytest.mark.process
@pytest.mark.pty
def test_on_a_terminal_the_images_are_drawn_in_gray(place: Place):
    text = place.in_terminal("data").read()
    assert "▀" in text
    assert "\x1b[38;5;" in text


def test_numbers_in_words():
    assert accuracy(0.895, 200) == "89.5% (84.5–93.0)"
    assert [duration(seconds) for seconds in (0.42, 8.4, 200, 7500)] == [
        "0.4 s",
        "8 s",
        "3 min 20 s",
        "2 h 5 min",
    ]
    assert [count(number, "epoch") for number in (0, 1, 2000)] == [
        "0 epochs",
        "1 epoch",
        "2,000 epochs",
    ]
    assert loss(0.6971) == "0.697"
    assert len(loss(1.2e30)) < 10


def test_the_table_is_the_notebooks_and_never_long():
    shown = [epoch for epoch in range(100) if is_milestone(epoch, 100)]
    assert shown == list(range(0, 100, 10))
    assert all(is_milestone(epoch, 12) for epoch in range(12))
    for epochs in (200, 999, 20_000, 100_000):
        assert 20 <= sum(is_milestone(epoch, epochs) for epoch in range(epochs)) <= 50


def test_odd_images_are_named_with_their_first_images(call: Call, tmp_path: Path):
    text = " ".join(call("data", write_odd(tmp_path / "odd.npz")).out.split())
    assert (
        "error: 1 image is copied from another one, but with a different label: one of the two "
        "labels is wrong. Images 11, 31 (= 11)"
    ) in text
    assert "test accuracy is too high. Images 12, test 3 (= 12)" in text
    assert "Nothing odd was found in 4,502 images." in call("data").out


def test_the_json_has_facts_and_findings(call: Call, tmp_path: Path):
    answer = json.loads(call("data", write_odd(tmp_path / "odd.npz"), "--json").out)
    assert answer["images"] == 100
    assert answer["unseen"] == 20
    assert sum(one["training"] for one in answer["classes"]) == 80
    found = {one["kind"]: one["images"] for one in answer["findings"]}
    assert [(one["image"], one["label"]) for one in found["same image, other label"]] == [
        (11, "1"),
        (31, "2"),
    ]
    first, leaked = found["test images seen"]
    assert (first["image"], leaked["image"], leaked["side"]) == (12, 3, "test")
    assert leaked["remark"] == "= 12"
    assert "doubts" not in answer


@pytest.fixture
def search(monkeypatch: pytest.MonkeyPatch) -> type[MadeUpSearch]:
    """A search for doubted labels that starts no process."""
    monkeypatch.setattr("mnistop.engine.process.doubt_search.DoubtSearch", MadeUpSearch)
    monkeypatch.setattr("mnistop.tui.cli.data.warm_up", lambda: None)
    monkeypatch.setattr(MadeUpSearch, "begun", [])
    return MadeUpSearch


def test_doubted_labels_are_drawn_and_listed(
    call: Call, search: type[MadeUpSearch], monkeypatch: pytest.MonkeyPatch
):
    class Finding(search):  # type: ignore[valid-type, misc]
        def __init__(self, config: RunConfig, folds: int) -> None:
            super().__init__(config, folds)
            self.find([33, *range(12)], [9] * 13, [7] * 13)

    monkeypatch.setattr("mnistop.engine.process.doubt_search.DoubtSearch", Finding)
    text = call("data", "digits", "--doubts", "--folds", "3", "--hidden", "none").out
    assert "13 of 100 labels are doubted by 3 models, each" in " ".join(text.split())
    assert "image 33, labelled 9" in text
    assert "7? 99%" in text
    assert "These are the first 10; --json lists all." in text
    (begun,) = search.begun
    assert (begun.folds, begun.config.hidden, begun.config.samples) == (3, (), None)
    doubts = json.loads(call("data", "digits", "--doubts", "--json").out)["doubts"]
    assert doubts["folds"] == 5
    assert len(doubts["labels"]) == 13
    assert doubts["labels"][0] | {"side": ""} == {
        "image": 33,
        "side": "",
        "label": "9",
        "believed": "7",
        "confidence": pytest.approx(0.99),
        "self_confidence": pytest.approx(0.01),
    }


def test_a_search_that_fails_is_an_error(
    call: Call, search: type[MadeUpSearch], monkeypatch: pytest.MonkeyPatch
):
    class Failing(search):  # type: ignore[valid-type, misc]
        def __init__(self, config: RunConfig, folds: int) -> None:
            super().__init__(config, folds)
            self.fail("The loss is no longer a number.")

    monkeypatch.setattr("mnistop.engine.process.doubt_search.DoubtSearch", Failing)
    answer = call("data", "digits", "--doubts")
    assert answer.code == 2
    assert "no longer a number" in answer.err
