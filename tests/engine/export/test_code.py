"""Scripts and notebooks, run without mnistop: they print the log of the run."""

import contextlib
import dataclasses
import io
import itertools
import json
import re
import runpy
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from mnistop.engine.config import HYPERPARAMETERS, RunConfig
from mnistop.engine.data.sources import load
from mnistop.engine.errors import RunError
from mnistop.engine.export.code_files import code_of as code_files_of
from mnistop.engine.export.script import export_code, settings_left_out
from mnistop.engine.export.training_code import TrainingCode
from mnistop.engine.hyperparameters import as_text
from mnistop.engine.runs import run_folder
from mnistop.engine.runs.recorded import Origin
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.training.loop import train
from mnistop.engine.training.state import Epoch, TrainState
from tests.helpers import made_up
from tests.helpers.finished_run import finished_run
from tests.helpers.small_data import DataFile
from tests.helpers.small_runs import digits_config, history_of, prepared

Log = list[list[float]]
"""For each epoch: its number, losses of training and validation images, and accuracies."""

EPOCH_HEADER = "epoch  train loss  val loss  train acc  val acc"
WITHOUT_MNISTOP = (
    "import runpy, sys; sys.modules['mnistop'] = None; runpy.run_path(sys.argv[1], {}, '__main__')"
)


class _Epochs:
    """A collector of epochs that never stops the training."""

    def __init__(self) -> None:
        self.epochs: list[Epoch] = []

    def step_done(self, training: TrainState, labels: torch.Tensor) -> None:
        pass

    def epoch_done(self, training: TrainState, epoch: Epoch) -> None:
        self.epochs.append(epoch)

    def wait_while_paused(self) -> float:
        return 0.0

    def wants_stop(self) -> bool:
        return False


def log_of_training(config: RunConfig) -> Log:
    training, images, validation = prepared(config)
    listener = _Epochs()
    train(training, images, validation, listener, listener)
    return [
        [number, epoch.train_loss, epoch.val_loss, epoch.train_acc, epoch.val_acc]
        for number, epoch in enumerate(listener.epochs)
    ]


def printed_log(text: str) -> Log:
    head, *rows = text.splitlines()
    assert head.split() == EPOCH_HEADER.split()
    for row in rows:
        assert all(re.fullmatch(r"\d+\.\d{4,}", number) for number in row.split()[1:])
    return [[float(number) for number in row.split()] for row in rows]


def run_of(config: RunConfig, folder: Path) -> Run:
    run, lock = run_folder.create(config, folder)
    lock.close()
    return run


def write_script(run: Run, folder: Path) -> Path:
    exported = export_code(run, "script", "loop.npz")
    (folder / "loop.py").write_text(exported.code, "utf-8")
    (folder / "loop.npz").write_bytes(exported.images.content())
    return folder / "loop.py"


def run_alone(script: Path, **options: Any) -> str:
    """Runs a script in a process of its own that cannot import mnistop."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT_MNISTOP, str(script)],
        capture_output=True,
        text=True,
        **options,
    )
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout


def code_of(config: RunConfig, device: str = "cpu", threads: int = 1) -> TrainingCode:
    sizes = (64, *config.hidden, 10)
    return TrainingCode(config, sizes, (8, 8), "loop.npz", device, threads, is_notebook=False)


def assert_same_log(printed: Log, expected: Log, tolerance: float) -> None:
    assert len(printed) == len(expected)
    np.testing.assert_allclose(printed, expected, rtol=0, atol=tolerance)


# The same log


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize(
    ("values", "epochs", "tolerance"),
    [({"optimizer": "adam", "lr": 0.001}, 20, 1e-4), ({}, 100, 5e-4)],
    ids=["Adam", "default"],
)
def test_the_notebooks_run_is_the_same_in_plain_pytorch(
    tmp_path: Path, values: Mapping[str, Any], epochs: int, tolerance: float
) -> None:
    config = RunConfig(epochs=epochs, device="cpu", threads=1, **values)
    script = write_script(run_of(config, tmp_path), tmp_path)
    assert_same_log(printed_log(run_alone(script)), log_of_training(config), tolerance)


VARIANTS: dict[str, dict[str, Any]] = {
    "sgd with momentum": {"optimizer": "sgd", "lr": 0.01, "momentum": 0.8, "weight_decay": 0.001},
    "sgd without momentum": {"optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.01},
    "Adam with weight decay": {"optimizer": "adam", "lr": 0.001, "weight_decay": 0.01},
    "AdamW": {"optimizer": "adamw", "lr": 0.001, "weight_decay": 0.1},
    "AdamW without weight decay": {"optimizer": "adamw", "lr": 0.001},
    "RMSprop": {"optimizer": "rmsprop", "lr": 0.001, "weight_decay": 0.01},
    "weight decay": {"weight_decay": 0.01},
    "dropout": {"dropout": 0.2, "hidden": (32, 16)},
    "cosine": {"schedule": "cosine"},
    "step": {"schedule": "step", "optimizer": "adam", "lr": 0.001},
    "shift": {"shift": 2},
    "clip": {"clip_norm": 0.5, "weight_decay": 0.001},
    "adversarial": {"adversarial_epsilon": 0.1},
    "adversarial with noise": {"adversarial_epsilon": 0.1, "dropout": 0.2, "shift": 1},
    "class weights": {"class_weights": "balanced"},
    "class weights, adversarial": {"class_weights": "balanced", "adversarial_epsilon": 0.1},
    "balanced sampler": {"sampler": "balanced", "class_weights": "balanced", "dropout": 0.2},
    "two hidden layers": {"hidden": (32, 16), "activation": "tanh"},
    "none": {"hidden": ()},
    "none, with settings that need one": {"hidden": (), "dropout": 0.5, "activation": "gelu"},
    "sigmoid": {"activation": "sigmoid"},
    "silu": {"activation": "silu"},
    "early stopping": {"early_stopping": 2, "lr": 1.0, "epochs": 60},
    "seeds": {"seed": 2**32 - 1, "split_seed": 7, "val_fraction": 0.3, "batch_size": 50},
}


@pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS)
def test_every_setting_trains_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: dict[str, Any]
) -> None:
    config = digits_config(**({"epochs": 8, "threads": 1} | values))
    script = write_script(run_of(config, tmp_path), tmp_path)
    expected = log_of_training(config)
    monkeypatch.setitem(sys.modules, "mnistop", None)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        runpy.run_path(str(script), {}, "__main__")
    assert_same_log(printed_log(printed.getvalue()), expected, 1e-4)


@pytest.mark.slow
@pytest.mark.process
def test_a_finished_run_and_its_notebook_have_the_same_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cells are executed in their order, in the folder of the notebook."""
    with finished_run(tmp_path / "of-run", epochs=5, schedule="cosine", threads=1) as run:
        expected = [
            [epoch.epoch, epoch.train_loss, epoch.val_loss, epoch.train_acc, epoch.val_acc]
            for epoch in history_of(run).epochs
        ]
        notebook = export_code(run, "notebook", "my digits.npz")
    (tmp_path / "my digits.npz").write_bytes(notebook.images.content())
    content = json.loads(notebook.code)
    assert content["nbformat"] == 4
    assert [cell["cell_type"] for cell in content["cells"]] == ["markdown", "code"] * 5
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "mnistop", None)
    variables: dict[str, Any] = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for cell in content["cells"]:
            if cell["cell_type"] == "code":
                exec(cell["source"], variables)
    assert_same_log(printed_log(printed.getvalue()), expected, 1e-4)
    assert "first epochs" not in notebook.code


# What it holds


@pytest.mark.parametrize("name", list(HYPERPARAMETERS))
def test_every_hyperparameter_is_in_the_code_or_named_as_left_out(name: str) -> None:
    """One that is in the code changes it; one that is left out changes nothing in it."""
    for hidden, optimizer in itertools.product([(), (16,)], ["manual", "sgd", "adam"]):
        config = digits_config(hidden=hidden, optimizer=optimizer)
        other = dataclasses.replace(config, **{name: OTHERS[name]})
        code = code_of(config)
        changed = code_of(
            other,
            device="cuda" if name == "device" else "cpu",
            threads=2 if name == "threads" else 1,
        )
        if reason := changed.left_out().get(name):
            assert all_lines(code) == all_lines(changed)
            text = settings_left_out(changed)
            assert f"{HYPERPARAMETERS[name].label} {as_text(OTHERS[name])}" in text
            assert reason in text
        else:
            assert all_lines(code) != all_lines(changed)


OTHERS: dict[str, Any] = {
    "source": "bundled",
    "samples": 300,
    "pixel_range": (0.0, 16.0),
    "resize": (28, 28),
    "split": "random",
    "val_fraction": 0.3,
    "stratify": "on",
    "split_seed": 1,
    "sampler": "balanced",
    "class_weights": "balanced",
    "seed": 5,
    "epochs": 7,
    "batch_size": 20,
    "hidden": (12, 11),
    "activation": "tanh",
    "optimizer": "adamw",
    "lr": 0.05,
    "momentum": 0.5,
    "weight_decay": 0.01,
    "dropout": 0.1,
    "schedule": "step",
    "shift": 1,
    "adversarial_epsilon": 0.1,
    "early_stopping": 3,
    "clip_norm": 1.0,
    "threads": 2,
    "device": "cuda",
}


def all_lines(code: TrainingCode) -> list[str]:
    return [*code.imports(), *code.settings(), *code.model(), *code.augmentation(), *code.loop()]


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
