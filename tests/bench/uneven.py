"""Recall of rare digits without and with class weights or the balanced sampler.

    python -m tests.bench.uneven [seeds]

The notebook's run on 30 images each of 3 and 8 and 300 of every other digit, tested on the other
images of the bundled MNIST: 90 to 200 of each digit, and some 400 of 3 and of 8. Means over the
seeds, which decide the first weights and the order of the images.
"""

import sys

import numpy as np
import torch
from torch import Tensor

from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import load
from mnistop.engine.training.loop import train
from mnistop.engine.training.state import Epoch, Labelled, TrainState
from tests.bench.training import Silence

RARE = (3, 8)
EPOCHS = (3, 10, 30, 100)
SETTINGS = {
    "neither": {},
    "class weights": {"class_weights": "balanced"},
    "balanced sampler": {"sampler": "balanced"},
    "both": {"class_weights": "balanced", "sampler": "balanced"},
}


class Recalls(Silence):
    """A sink that keeps the recall of rare and of other digits after some epochs."""

    def __init__(self, labels: Tensor) -> None:
        self._labels = labels
        self._is_rare = torch.isin(labels, torch.tensor(RARE))
        self.found: list[tuple[float, float]] = []

    def epoch_done(self, training: TrainState, epoch: Epoch) -> None:
        if training.epoch in EPOCHS:
            right = (epoch.predictions == self._labels).double()
            both = (right[self._is_rare], right[~self._is_rare])
            self.found.append((both[0].mean().item(), both[1].mean().item()))


def uneven() -> tuple[Labelled, Labelled]:
    """Return the images to train on and those to test on."""
    dataset = load("bundled", None)
    pixels = torch.from_numpy(dataset.images).flatten(1)
    labels = torch.from_numpy(dataset.labels)
    rows = [np.flatnonzero(dataset.labels == digit) for digit in range(10)]
    counts = [30 if digit in RARE else 300 for digit in range(10)]
    training = np.concatenate([each[:count] for each, count in zip(rows, counts, strict=True)])
    testing = np.concatenate([each[count:] for each, count in zip(rows, counts, strict=True)])
    return Labelled(pixels[training], labels[training]), Labelled(pixels[testing], labels[testing])


def main() -> None:
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    torch.set_num_threads(1)
    images, others = uneven()
    counts = torch.bincount(images.labels, minlength=10).tolist()
    print(f"\nrecall of 3 and 8 / of the other digits in %, {seeds} seeds")
    print(f"{'':20}" + "".join(f"{f'{epochs} epochs':>16}" for epochs in EPOCHS))
    for name, values in SETTINGS.items():
        found = []
        for seed in range(seeds):
            config = RunConfig(seed=seed, epochs=max(EPOCHS), device="cpu", **values)
            training = TrainState(config, (28, 28), counts, torch.device("cpu"))
            recalls = Recalls(others.labels)
            train(training, images, others, recalls, recalls)
            found.append(recalls.found)
        means = 100 * np.array(found).mean(0)
        print(f"{name:20}" + "".join(f"{f'{rare:.0f} / {rest:.0f}':>16}" for rare, rest in means))


if __name__ == "__main__":
    main()
