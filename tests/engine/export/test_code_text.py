"""The text of exported code: nothing that has no effect, and notes on what it leaves out."""

import contextlib
import io
import json
import re
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import load
from mnistop.engine.errors import RunError
from mnistop.engine.export.code_files import code_of as code_files_of
from mnistop.engine.export.script import export_code
from mnistop.engine.hyperparameters import as_text
from mnistop.engine.runs import run_folder
from mnistop.engine.runs.recorded import Origin
from tests.helpers import made_up
from tests.helpers.exported_code import (
    assert_same_log,
    log_of_training,
    printed_log,
    run_of,
    write_script,
)
from tests.helpers.small_data import DataFile
from tests.helpers.small_runs import digits_config


def test_the_default_has_no_dead_options(tmp_path: Path) -> None:
    config = RunConfig(device="cpu")
    script = write_script(run_of(config, tmp_path), tmp_path).read_text()
    code = "\n".join(line for line in script.splitlines() if not line.startswith("#"))
    for word in ("momentum", "decay", "dropout", "shift", "epsilon", "patience", "norm", "math"):
        assert word not in code.lower()
    assert "cuda" not in code
    assert max(map(len, script.splitlines())) <= 100
    steps = [code.index(word) for word in ("# forward", "# loss", "# backward", "# update")]
    assert steps == sorted(steps)
    assert code[steps[0] : steps[-1]].count("\n") == 4
    assert "chaotic" in script


def test_images_are_fetched_from_openml_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The code in the comment makes the same arrays as the file."""
    config = RunConfig(device="cpu", samples=500, epochs=1)
    script = write_script(run_of(config, tmp_path), tmp_path).read_text()
    [comment] = re.findall(r"# Or fetch the same images from OpenML:\n((?:# .*\n)+)", script)
    dataset = load("bundled", 500)
    fetched = (dataset.images.reshape(500, -1) * 255).astype(np.int64), dataset.labels.astype(str)
    fake = SimpleNamespace(fetch_openml=lambda name, **options: fetched)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", fake)
    variables: dict[str, Any] = {}
    exec(comment.replace("# ", ""), variables)
    kept = np.load(tmp_path / "loop.npz")
    assert set(kept.files) == set(variables["data"])
    for name in kept.files:
        assert np.array_equal(kept[name], variables["data"][name]), name


def test_images_of_a_file_are_only_in_the_file(tmp_path: Path) -> None:
    source = DataFile(tmp_path / "mine.npz").source
    config = digits_config(source=source, samples=None, pixel_range=(0.0, 255.0))
    script = write_script(run_of(config, tmp_path), tmp_path).read_text()
    assert "sklearn" not in script
    assert f"pixel range {as_text(config.pixel_range)}" in script
    assert np.load(tmp_path / "loop.npz")["train_images"].shape == (320, 64)


def test_names_of_classes_are_in_the_file(tmp_path: Path) -> None:
    labels = np.array(["cat", "dog, big"] * 30)
    images = np.random.default_rng(0).integers(0, 256, (60, 4, 4), dtype=np.uint8)
    np.savez(tmp_path / "mine.npz", images=images, labels=labels)
    config = digits_config(source=str(tmp_path / "mine.npz"), samples=None)
    script = write_script(run_of(config, tmp_path), tmp_path).read_text()
    assert '# (images,), from 0, indices of data["class_names"]' in script
    kept = np.load(tmp_path / "loop.npz")
    assert kept["class_names"].tolist() == ["cat", "dog, big"]


def test_resized_images_are_only_in_the_file(tmp_path: Path) -> None:
    """Other libraries have them in their own size."""
    config = digits_config(resize=(12, 10))
    assert "sklearn" not in write_script(run_of(config, tmp_path), tmp_path).read_text()


def test_what_the_code_does_not_repeat_is_named(tmp_path: Path) -> None:
    """The divergence of a run, and the first schedule of one that was extended."""
    config = digits_config(schedule="cosine", epochs=4)
    script = write_script(run_of(config, tmp_path), tmp_path).read_text()
    assert "prints nan" not in script
    assert "extended" not in script
    logged = [*map(made_up.epoch, range(3)), made_up.failed("It diverged.", diverged=True)]
    run = made_up.write_run(tmp_path, logged, config)
    script = " ".join(write_script(run, tmp_path).read_text().replace("#", "").split())
    assert "prints nan" in script
    assert "The run was extended later" in script


def test_a_recorded_run_has_its_own_script(tmp_path: Path) -> None:
    run, lock = run_folder.create_recorded(Origin(script="train.py"), {}, tmp_path)
    lock.close()
    with pytest.raises(RunError, match="recorded from a script of your own"):
        export_code(run, "script", "loop.npz")


# Before any run


def test_the_code_of_settings_prints_the_log_of_a_run_with_them(tmp_path: Path) -> None:
    config = digits_config(epochs=3, schedule="cosine", shift=1)
    code = code_files_of(config, None, "script", tmp_path)
    assert (code.path, code.images) == (
        tmp_path / "mnistop-training.py",
        tmp_path / "mnistop-training.npz",
    )
    assert code.path
    assert code.path.read_text("utf-8") == code.text
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        runpy.run_path(str(code.path))
    assert_same_log(printed_log(printed.getvalue()), log_of_training(config), 1e-4)


def test_code_is_written_beside_other_files_and_once(tmp_path: Path) -> None:
    config = digits_config()
    (tmp_path / "mnistop-training.npz").write_text("mine")
    for _ in range(2):
        code = code_files_of(config, None, "notebook", tmp_path)
        assert code.path == tmp_path / "mnistop-training-2.ipynb"
        assert '"mnistop-training-2.npz' in json.dumps(json.loads(code.text)).replace("\\", "")
    assert (tmp_path / "mnistop-training.npz").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 3


def test_code_can_be_shown_without_writing_it(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    code = code_files_of(digits_config(), None, "script")
    assert "loss.backward()" in code.text
    assert (code.path, list(tmp_path.iterdir())) == (None, [])
