"""Scripts and notebooks, run without mnistop: they print the log of the run."""

import contextlib
import dataclasses
import io
import itertools
import json
import runpy
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mnistop.engine.config import HYPERPARAMETERS, RunConfig
from mnistop.engine.export.script import export_code, settings_left_out
from mnistop.engine.export.training_code import TrainingCode
from mnistop.engine.hyperparameters import as_text
from tests.helpers.exported_code import (
    assert_same_log,
    log_of_training,
    printed_log,
    run_of,
    write_script,
)
from tests.helpers.finished_run import finished_run
from tests.helpers.small_runs import digits_config, history_of

WITHOUT_MNISTOP = (
    "import runpy, sys; sys.modules['mnistop'] = None; runpy.run_path(sys.argv[1], {}, '__main__')"
)


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


def all_lines(code: TrainingCode) -> list[str]:
    return [*code.imports(), *code.settings(), *code.model(), *code.augmentation(), *code.loop()]


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
