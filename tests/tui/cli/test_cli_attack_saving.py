"""The files that `mnistop attack` saves, and what it refuses."""

from __future__ import annotations

import re
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from mnistop.engine.analysis.attack_set import FloatArray
from mnistop.engine.analysis.loading import load_model, load_snapshot
from mnistop.engine.runs import checkpoint
from mnistop.engine.runs.run_folder import Run
from tests.helpers.command_line import Finished, Place
from tests.tui.cli.attacking import Call, as_json, run_folder

pytestmark = [pytest.mark.process, pytest.mark.fast]


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
