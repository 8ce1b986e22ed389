"""`mnistop attack`: the table, one image, what is saved, and every wrong use."""

from __future__ import annotations

import json
import re
import shutil
import struct
import zlib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistop.engine.analysis.attack_set import FloatArray
from mnistop.engine.analysis.loading import load_model, load_snapshot
from mnistop.engine.analysis.methods import METHODS
from mnistop.engine.runs import checkpoint
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.text.attack_outcome import at_least, at_most
from tests.helpers.command_line import Answer, Finished, Place

pytestmark = pytest.mark.process


Call = Callable[..., Answer]
EPSILONS = "0,0.02,0.05,0.1,0.3"


@pytest.fixture
def attack(call: Call, finished: Finished) -> Call:
    """`mnistop attack` of the finished run."""

    def attack(*words: str) -> Answer:
        return call("attack", finished.name, *words, runs=finished.place.folder)

    return attack


def as_json(answer: Answer) -> dict[str, Any]:
    assert answer.code == 0, answer.err
    told: dict[str, Any] = json.loads(answer.out)
    return told


@pytest.mark.slow
def test_the_table_tells_clean_fgsm_pgd_and_certified_accuracy(
    attack: Call, finished: Finished
) -> None:
    told = as_json(attack("--epsilon", EPSILONS, "--json"))
    assert told["run"] == finished.name
    assert told["epochs"] == 12
    assert [row["epsilon"] for row in told["table"]] == [0, 0.02, 0.05, 0.1, 0.3]
    *_, clean = (one["val_acc"] for one in finished.place.events(finished.name) if "epoch" in one)
    for row in told["table"]:
        assert row["clean"] == pytest.approx(clean)
        assert row["certified"] <= row["pgd"] <= row["fgsm"] <= row["clean"]
    for name in ("fgsm", "pgd", "certified"):
        shares = [row[name] for row in told["table"]]
        assert shares[0] == pytest.approx(clean)
        assert shares == sorted(shares, reverse=True)
    images = told["images"]
    assert [image["index"] for image in images] == list(range(80))
    right = [image for image in images if image["smallest_epsilon"] != 0]
    assert len(right) == round(clean * 80)
    assert np.median([one["smallest_epsilon"] for one in right]) == told["median_smallest_epsilon"]
    for row in told["table"]:
        safe = sum(image["certified_epsilon"] > row["epsilon"] for image in images)
        assert row["certified"] == pytest.approx(safe / 80)

    lines = attack("--epsilon", EPSILONS).out.splitlines()
    start = next(place for place, line in enumerate(lines) if line.split()[:1] == ["ε"])
    for row, line in zip(told["table"], lines[start + 1 :], strict=False):
        assert line.split() == [
            f"{row['epsilon']:g}",
            *(share_of_80(row[name]) for name in ("clean", "fgsm", "pgd", "certified")),
        ]


def share_of_80(fraction: float) -> str:
    """Round the exact share of a count, whatever float has made of it."""
    return f"{Decimal(round(80 * fraction)) * 100 / 80:.1f}%"


def test_the_table_stands_in_80_columns_and_says_what_it_means(
    attack: Call, finished: Finished
) -> None:
    answer = attack()
    assert answer.code == 0
    assert max(map(len, answer.out.splitlines())) <= 80
    text = " ".join(answer.out.split())
    assert f"run {finished.name}, epoch 11: 80 validation images" in text
    assert re.search(r"fooled by ε 0\.\d{4} or less \(the median of the smallest ε found\)", text)
    assert re.search(r"half are proven safe below 0\.\d{4}", text)
    assert attack("--ascii").out.isascii()


def test_the_real_command_says_the_same_and_keeps_standard_output_clean(
    attack: Call, finished: Finished
) -> None:
    done = finished.place.run("attack", "last", "--epsilon", "0.1", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout) == as_json(attack("--epsilon", "0.1", "--json"))


def first_right(attack: Call) -> int:
    images = as_json(attack("--epsilon", "0", "--json"))["images"]
    return next(image["index"] for image in images if image["smallest_epsilon"])


@pytest.mark.parametrize("method", METHODS)
def test_one_image_by_every_method(attack: Call, finished: Finished, method: str) -> None:
    row = first_right(attack)
    told = as_json(attack("--index", str(row), "--method", method, "--json"))
    assert told["label"] == told["prediction"] == str(Run(run_folder(finished)).labels()[row])
    assert told["method"] == method
    assert told["success"] == (told["adversarial_prediction"] != told["label"])
    assert 0 < told["certified_epsilon"] <= told["smallest_epsilon"]
    assert told["smallest_epsilon"] <= told["fgsm_epsilon"] <= told["fgsm_level"] / 255
    norm = METHODS[method].norm
    assert told[norm] <= told["epsilon"] * (1 + 1e-3)
    assert told[norm] >= told["epsilon"] * (1 - 1e-3) or norm == "l2"  # pixels end at 0 and 1
    assert told["epsilon"] == METHODS[method].usual or METHODS[method].seeks
    assert told["smallest_by_method"][method] > 0

    text = " ".join(attack("--index", str(row), "--method", method).out.split())
    title = f"attacked by {METHODS[method].title} ({METHODS[method].norm_name})"
    assert f"validation image {row}, a {told['label']}, {title}" in text
    assert "adversarial: " in text
    assert f"safe below ε {at_least(told['certified_epsilon'])}: proven" in text
    assert f"fooled from ε {at_most(told['smallest_epsilon'])}" in text
    assert f"L∞ {at_most(round(told['linf'], 6))}" in text


def run_folder(finished: Finished) -> Path:
    return finished.place.folder / finished.name


def test_towards_a_target(attack: Call) -> None:
    row = first_right(attack)
    plain = as_json(attack("--index", str(row), "--json"))
    target = str((int(plain["label"]) + 5) % 10)
    how = ("--index", str(row), "--target", target, "--epsilon", "0.5", "--method", "pgd")
    told = as_json(attack(*how, "--json"))
    assert told["target"] == told["adversarial_prediction"] == target
    assert told["success"]
    assert told["smallest_epsilon"] >= plain["smallest_epsilon"] - 1e-4
    text = " ".join(attack(*how).out.split())
    assert f"target {target} reached" in text
    assert "target reached from ε" in text


def test_an_image_that_is_wrong_needs_nothing(attack: Call) -> None:
    images = as_json(attack("--epsilon", "0", "--json"))["images"]
    row = next(one["index"] for one in images if one["smallest_epsilon"] == 0)
    told = as_json(attack("--index", str(row), "--json"))
    assert told["prediction"] != told["label"]
    assert told["smallest_epsilon"] == told["certified_epsilon"] == 0
    text = " ".join(attack("--index", str(row)).out.split())
    assert "misclassified without any perturbation: there is nothing to fool" in text
    assert "safe below" not in text


def test_no_change_at_all_and_the_largest_one(attack: Call) -> None:
    row = str(first_right(attack))
    told = as_json(attack("--index", row, "--epsilon", "0", "--json"))
    assert (told["linf"], told["l0"], told["success"]) == (0, 0, False)
    told = as_json(attack("--index", row, "--epsilon", "1", "--json"))
    assert told["linf"] == 1


def test_earlier_weights(attack: Call) -> None:
    told = as_json(attack("--index", "0", "--epoch", "3", "--json"))
    assert told["epochs"] <= 4


def test_saved_images_are_a_data_source(attack: Call, call: Call, tmp_path: Path) -> None:
    file = tmp_path / "fooled.npz"
    told = as_json(attack("--epsilon", "0.1", "--method", "pgd", "--save", str(file), "--json"))
    assert told["saved"] == str(file)
    stored = np.load(file)
    assert stored["images"].shape == stored["originals"].shape == (80, 28, 28)
    assert np.abs(stored["images"] - stored["originals"]).max() <= 0.1 + 1e-6
    accuracy = float((stored["predictions"] == stored["labels"]).mean())
    assert told["table"][0]["pgd"] <= accuracy <= told["table"][0]["clean"]
    described = " ".join(call("data", str(file)).out.split())
    assert "80 images" in described
    assert "28×28" in described


def pixels_of(png: bytes) -> FloatArray:
    """The pixels of a gray image that was stored without a filter, `(height, width)` in [0, 1]."""
    width, height = struct.unpack(">II", png[16:24])
    start = png.index(b"IDAT") + 4
    rows = np.frombuffer(zlib.decompress(png[start:]), np.uint8).reshape(height, width + 1)
    return rows[:, 1:].astype(np.float32) / 255


def test_png_files_bear_true_names(attack: Call, finished: Finished, tmp_path: Path) -> None:
    import torch

    folder = tmp_path / "fooled"
    answer = attack("--epsilon", "0.2", "--save", str(folder))
    assert "80 adversarial images saved in" in answer.out
    files = sorted(folder.iterdir())
    assert [int(file.name[:5]) for file in files] == list(range(80))
    run = Run(run_folder(finished))
    model, _ = load_model(run)
    pixels = torch.from_numpy(np.array([pixels_of(file.read_bytes()) for file in files]))
    taken = model(pixels.flatten(1)).argmax(1).tolist()
    labels = run.labels().tolist()
    names = [f"{row:05d}-{labels[row]}-taken-for-{taken[row]}.png" for row in range(80)]
    assert [file.name for file in files] == names
    fooled = sum(one != other for one, other in zip(labels, taken, strict=True))
    assert f"misclassifies {fooled} of them" in " ".join(answer.out.split())
    assert fooled > 40


def test_one_png_file_with_an_l2_method(attack: Call, tmp_path: Path) -> None:
    folder = tmp_path / "one"
    how = ("--index", "7", "--method", "pgd-l2", "--epsilon", "3", "--save", str(folder))
    told = as_json(attack(*how, "--json"))
    [file] = folder.iterdir()
    assert file.name.startswith(f"00007-{told['label']}-taken-for-")
    told = as_json(attack(*how[2:], "--json", "--force"))
    assert [row["epsilon"] for row in told["table"]][:2] == [0.025, 0.05]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--index", "80"), r"has validation images 0 to 79, not 80"),
        (("--index", "-1"), r"has validation images 0 to 79, not -1"),
        (("--index", "x"), r"'x' is not a valid integer"),
        (("--epsilon", "1.5"), r"ε must be between 0 and 1"),
        (("--epsilon", "-0.1"), r"not one or more numbers from 0 up"),
        (("--epsilon", "nan"), r"not one or more numbers from 0 up"),
        (("--epsilon", ""), r"not one or more numbers from 0 up"),
        (("--epsilon", "0.1,0.2", "--index", "0"), r"take a single ε"),
        (("--epsilon", "0.1,0.2", "--save", "x"), r"take a single ε"),
        (("--method", "pgd-l2", "--epsilon", "2"), r"--method needs --index or --save"),
        (("--method", "magic", "--index", "0"), r"'magic' is not one of 'fgsm', 'pgd'"),
        (("--target", "3"), r"--target needs --index or --save"),
        (("--target", "11", "--index", "0"), r"There is no class 11: 0, 1, 2"),
        (("--epoch", "12"), r"has epochs 0 to 11, not 12"),
    ],
)
def test_a_wrong_use_is_told_in_one_sentence(
    attack: Call, words: tuple[str, ...], sentence: str
) -> None:
    answer = attack(*words)
    assert answer.code == 2
    assert re.search(sentence, answer.err)
    assert answer.out == ""
    assert "fault of the program" not in answer.err


def test_its_own_class_is_no_target(attack: Call) -> None:
    label = as_json(attack("--index", "0", "--json"))["label"]
    answer = attack("--index", "0", "--target", label)
    assert answer.code == 2
    assert f"Validation image 0 is a {label}: the target must be another class" in answer.err


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevent any attack: a wrong destination must be reported before."""

    def work(*_: object) -> None:
        raise AssertionError("the work has begun")

    for name in ("attack._print_table", "attack._print_image", "attack.attack_all"):
        monkeypatch.setattr(f"mnistop.tui.cli.{name}", work)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("no/such/folder.npz", "There is no folder .*no/such: make it, or choose another"),
        ("no/such/folder", "There is no folder .*no/such: make it, or choose another"),
        ("file/in-a-file", "There is no folder .*file: make it, or choose another"),
        ("file", "file is a file: give the name of a folder"),
        ("mine.npz", "mine.npz is there already: choose another name, or .* --force"),
        ("mine", "mine is not empty: choose another, or write into it with --force"),
        ("folder.npz", "folder.npz is a folder: give the name of a file in it"),
        ("dangling", "dangling is a link to .*nowhere, which is not there"),
        ("dangling.npz", "dangling.npz is a link to .*nowhere, which is not there"),
        ("fooled.png", r"saved to an .npz file, or as PNG files in a folder"),
    ],
)
def test_what_cannot_be_saved_is_told_before_the_work(
    attack: Call, tmp_path: Path, path: str, sentence: str, idle: None
) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "mine.npz").write_text("mine")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/00000-3-taken-for-8.png").write_text("mine")
    (tmp_path / "folder.npz").mkdir()
    for name in ("dangling", "dangling.npz"):
        (tmp_path / name).symlink_to("nowhere")
    before = sorted(tmp_path.rglob("*"))
    answer = attack("--index", "0", "--save", str(tmp_path / path))
    assert answer.code == 2
    assert re.search(sentence, " ".join(answer.err.split()))
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "mine.npz").read_text() == "mine"


def test_force_replaces_what_was_saved(attack: Call, tmp_path: Path) -> None:
    (tmp_path / "mine.npz").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/notes").write_text("mine")
    for name in ("mine.npz", "folder"):
        how = ("--index", "0", "--save", str(tmp_path / name))
        assert attack(*how).code == 2
        assert attack(*how, "--force").code == 0
    assert np.load(tmp_path / "mine.npz")["images"].shape == (1, 28, 28)
    assert (tmp_path / "folder/notes").read_text() == "mine"
    assert len(list((tmp_path / "folder").iterdir())) == 2
    assert "--force needs --save" in attack("--force").err


def test_deepfool_changes_no_image_by_more_than_the_epsilon(attack: Call, tmp_path: Path) -> None:
    file = tmp_path / "fooled.npz"
    how = ("--method", "deepfool", "--save", str(file), "--force", "--json")
    for epsilon in (0.025, 0.08):
        row = as_json(attack("--epsilon", str(epsilon), *how))["table"][0]
        stored = np.load(file)
        changes = np.abs(stored["images"] - stored["originals"]).max((1, 2))
        assert changes.max() <= epsilon
        fooled = stored["predictions"] != stored["labels"]
        assert 1 - fooled.mean() >= row["pgd"]
        assert fooled[changes > 0].all()
    as_json(attack(*how))
    stored = np.load(file)
    assert np.abs(stored["images"] - stored["originals"]).max() > 0.1
    one = as_json(attack("--index", "0", "--method", "deepfool", "--epsilon", "0.001", "--json"))
    assert (one["linf"], one["success"]) == (0, one["prediction"] != one["label"])


def test_png_files_change_no_pixel_by_more_than_the_epsilon(attack: Call, tmp_path: Path) -> None:
    folder = tmp_path / "fooled"
    assert attack("--epsilon", "0.1", "--save", str(folder)).code == 0
    as_json(attack("--epsilon", "0.1", "--save", str(tmp_path / "a.npz"), "--json"))
    originals = np.load(tmp_path / "a.npz")["originals"]
    pixels = np.array([pixels_of(file.read_bytes()) for file in sorted(folder.iterdir())])
    assert np.abs(pixels - originals).max() <= 0.1 + 1e-6


def test_without_weights_or_before_the_first_epoch_it_says_so(
    call: Call, finished: Finished, tmp_path: Path
) -> None:
    place = Place(tmp_path / "broken")
    folder = place.folder / finished.name
    shutil.copytree(run_folder(finished), folder)
    for name in ("checkpoint.pt", "weights.f32"):
        (folder / name).unlink()
    shutil.rmtree(folder / "robustness", ignore_errors=True)
    answer = call("attack", "last", runs=place.folder)
    assert answer.code == 2
    assert "has no weights yet" in answer.err
    (folder / "events.jsonl").write_text("")
    answer = call("attack", "last")
    assert answer.code == 2
    assert "has not started training: there is no model to attack" in answer.err
    assert call("attack", "nosuch").code == 2


def test_a_run_stopped_before_its_first_epoch_is_attacked_untrained(
    call: Call, finished: Finished, tmp_path: Path
) -> None:
    place = Place(tmp_path / "stopped")
    folder = place.folder / finished.name
    shutil.copytree(run_folder(finished), folder)
    shutil.rmtree(folder / "robustness", ignore_errors=True)
    checkpoint.save(folder / "checkpoint.pt", load_snapshot(Run(folder), 0).state_dict())
    log = folder / "events.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join(line for line in lines if "Epoch" not in line))
    told = as_json(call("attack", "last", "--epsilon", "0.05", "--json", runs=place.folder))
    assert told["epochs"] == 0
    answer = call("attack", "last", "--epoch", "0")
    assert answer.code == 2
    assert "has no epochs yet, not 0" in answer.err
