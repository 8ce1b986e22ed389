"""Small images in colour that a model can learn: red above, green in the middle, blue below."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from mnistop.engine import events
from mnistop.engine.config import RunConfig
from mnistop.engine.images import CHANNELS
from mnistop.engine.model import MLP
from mnistop.engine.recording.recorder import Recorder
from mnistop.engine.runs.predictions import WEIGHTS_FILE, write_snapshot
from mnistop.engine.runs.run_folder import Run
from tests.helpers import made_up
from tests.helpers.run_folders import make_run

SHAPE = (6, 5, 3)


def labels(count: int) -> NDArray[np.uint8]:
    """Classes 0, 1, 2, 0, …"""
    return (np.arange(count) % len(CHANNELS)).astype(np.uint8)


def images(count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Noise, with two rows of one colour that depend on the class; smooth along each row."""
    made = np.random.default_rng(seed).integers(0, 60, (count, 6, 1, 3)).repeat(5, 2)
    for row, label in enumerate(labels(count).tolist()):
        made[row, 2 * label : 2 * label + 2, :, label] += 150
    return made.astype(np.uint8)


def write_npz(path: Path, count: int = 60, channels_first: bool = False) -> Path:
    """Write a file of images in colour."""
    stored = np.moveaxis(images(count), 3, 1) if channels_first else images(count)
    np.savez(path, images=stored, labels=labels(count))
    return path


def color_run(folder: Path, hidden: tuple[int, ...] = (8,), count: int = 9) -> Run:
    """A run that has started to train on images in colour, with the weights of epoch 0."""
    run = make_run(folder, config=RunConfig(hidden=hidden))
    model = MLP((int(np.prod(SHAPE)), *hidden, 3), generator=torch.Generator().manual_seed(1))
    (run.path / "labels.u8").write_bytes(labels(count).tobytes())
    (run.path / "images.u8").write_bytes(images(count).tobytes())
    weights = [each.detach().numpy() for each in model.parameters()]
    with (run.path / WEIGHTS_FILE).open("wb") as file:
        for epochs in (0, 1):
            write_snapshot(file.fileno(), epochs, weights)
    Recorder(run).record(
        events.RunStarted,
        pid=1,
        class_names=list(CHANNELS),
        image_shape=list(SHAPE),
        training_images=30,
        validation_images=count,
        layers=list(model.sizes),
        parameters=1,
        device="cpu",
        versions={},
        val_loss=1.0,
        val_acc=0.3,
    )
    return run


def add_epoch(run: Run, count: int = 9) -> Run:
    """Record an epoch of a run, after which every fourth image is predicted wrongly."""
    told = [made_up.saved(0, run.name), made_up.epoch(0, run.name), made_up.saved(1, run.name)]
    made_up.say(run, told)
    true = labels(count)
    predicted = np.stack([true, (true + (np.arange(count) % 4 == 3)) % len(CHANNELS)])
    probabilities = np.where(predicted[..., None] == np.arange(len(CHANNELS)), 0.8, 0.1)
    (run.path / "predictions.u8").write_bytes(predicted.astype(np.uint8).tobytes())
    (run.path / "log_probabilities.f16").write_bytes(np.log(probabilities).astype("f2").tobytes())
    return run
