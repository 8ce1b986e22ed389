"""Loops that train on images in colour: recorded in colour, and their models can be asked."""

from __future__ import annotations

import warnings
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from torch import nn

import mnistop
from mnistop.engine.analysis.fragility import attack_image
from mnistop.engine.analysis.network import first_layer
from mnistop.engine.analysis.samples import load_recorded
from mnistop.engine.runs.run_folder import Run
from tests.helpers.color_images import SHAPE, images, labels
from tests.helpers.loops import history_of, the_run

pytestmark = pytest.mark.usefixtures("alone")

COLORS = images(30) / np.float32(255)
LABELS = labels(30)
MEAN, STD = (0.2, 0.3, 0.4), (0.3, 0.2, 0.25)
INPUTS = ((COLORS - np.float32(MEAN)) / np.float32(STD)).transpose(0, 3, 1, 2)


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(90, 8), nn.ReLU(), nn.Linear(8, 3))


def record(**given: Any) -> Run:
    """Record a loop that evaluates a model once, and keeps it."""
    settings = {"validation": (torch.from_numpy(INPUTS), LABELS), "normalize": (MEAN, STD)}
    with warnings.catch_warnings():
        warnings.simplefilter("error", mnistop.RecordingWarning)
        with mnistop.init(**(settings | given)) as run:
            run.log({"loss": 1.0})
            run.evaluate(model())
            run.finish(model=model())
    return the_run()


def test_a_loop_s_images_are_kept_in_colour_and_its_model_is_attacked() -> None:
    run = record()
    started = history_of(run).started
    assert started
    assert started.shape == SHAPE
    assert np.array_equal(run.images(SHAPE), COLORS)
    samples = load_recorded(run, 0, 5)
    assert samples.description.image_shape == SHAPE
    assert np.array_equal(samples.images, COLORS[:5])
    attacked = attack_image(run, 4, 0.1)
    with torch.no_grad():
        expected = model()(torch.from_numpy(INPUTS[4:5])).softmax(1)[0].numpy()
    assert np.allclose(attacked.clean_probabilities, expected, atol=1e-5)
    assert np.array_equal(attacked.image, COLORS[4])
    assert first_layer(run).weights.shape == (8, *SHAPE)


def test_a_loop_that_goes_on_has_the_same_images() -> None:
    run = record()
    record(resume=run.name)
    history = history_of(run)
    assert len(history.epochs) == 2


def test_a_run_that_an_older_mnistop_has_recorded_in_gray_goes_on_in_gray() -> None:
    run = record()
    lines = (run.path / "events.jsonl").read_bytes().splitlines()
    events = [msgspec.json.decode(line) for line in lines]
    for event in events:
        if "image_shape" in event:
            event["image_shape"] = list(SHAPE[:2])
    (run.path / "events.jsonl").write_bytes(b"\n".join(map(msgspec.json.encode, events)) + b"\n")
    (run.path / "images.u8").unlink()
    (run.path / "images.f32").write_bytes(COLORS.mean(-1).astype("<f4").tobytes())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mnistop.RecordingWarning)
        with mnistop.init(
            validation=(torch.from_numpy(INPUTS), LABELS), normalize=(MEAN, STD), resume=run.name
        ) as again:
            again.log({"loss": 1.0})
            again.evaluate(model())
    history = history_of(run)
    assert history.epochs[-1].val_acc is not None
    assert "not the validation images" not in (
        run.log_path.read_text() if run.log_path.exists() else ""
    )
