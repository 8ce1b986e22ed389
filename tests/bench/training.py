"""Training against the notebook's loop, plain PyTorch and other libraries, in the same run.

    python -m tests.bench.training [repetitions]

What is compared takes turns; a time is the median over the repetitions, a ratio the median of the
ratios within them. Ours is a whole run as `mnistop train` makes it, in a process of its own with
all its recording, except in the second table, where both sides run in this process. skorch,
Lightning and Keras are measured if they are installed: `pip install ".[bench]"`.
"""

import asyncio
import importlib.metadata
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from engine import worker
from engine.config import RunConfig
from engine.data import load, split
from engine.history import History, reduce
from engine.train import train
from engine.training import Epoch, Labelled, Training
from tests.bench import peers
from tests.bench.peers import Arrays

SETTINGS: dict[str, dict[str, Any]] = {
    "notebook": {},
    "two hidden layers": {"hidden": (256, 128)},
    "SGD with momentum": {"optimizer": "sgd", "lr": 0.03},
    "Adam": {"optimizer": "adam", "lr": 0.001},
    "AdamW, weight decay": {"optimizer": "adamw", "lr": 0.001, "weight_decay": 0.01},
    "shifts": {"shift": 2},
    "weight decay": {"weight_decay": 1e-4},
    "gradient clipping": {"clip_norm": 1.0},
    "dropout": {"dropout": 0.2},
    "GELU": {"activation": "gelu"},
    "tanh, three layers": {"activation": "tanh", "hidden": (128, 64, 32)},
    "no hidden layer": {"hidden": ()},
    "adversarial": {"adversarial_epsilon": 0.1},
    "batches of 128": {"batch_size": 128},
}


class Silence:
    """A sink and a control that do nothing."""

    def step_done(self, training: Training, labels: torch.Tensor) -> None:
        pass

    def epoch_done(self, training: Training, epoch: Epoch) -> None:
        pass

    def wait_while_paused(self) -> float:
        return 0.0

    def wants_stop(self) -> bool:
        return False


def arrays_of(config: RunConfig) -> Arrays:
    """A configuration's images and labels, split as it says."""
    dataset = load(config.source, config.samples)
    rows = split(dataset, config.val_fraction, config.split_seed)
    images = dataset.images.reshape(len(dataset), -1)
    (x_train, x_val), (y_train, y_val) = ([a[r] for r in rows] for a in (images, dataset.labels))
    return x_train, y_train, x_val, y_val


def recorded_run(config: RunConfig) -> float:
    """Seconds of a run, from its first to its last event."""

    async def followed() -> History:
        run = await asyncio.to_thread(worker.launch, config)
        history = History()
        async for batch in worker.follow(run):
            history = reduce(history, batch)
        return history

    history = asyncio.run(followed())
    return history.ended.time - history.started.time


def bare_run(config: RunConfig, arrays: Arrays) -> None:
    """The training of a run, in this process and without recording."""
    x_train, y_train, x_val, y_val = map(torch.from_numpy, arrays)
    training = Training(config, (28, 28), 10, torch.device("cpu"))
    silence = Silence()
    train(training, Labelled(x_train, y_train), Labelled(x_val, y_val), silence, silence)


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def alternated(
    contestants: dict[str, Callable[[], float]], repetitions: int
) -> dict[str, list[float]]:
    """Seconds of each, taken in turns, after a first turn that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(repetitions + 1):
        for name, run in contestants.items():
            passed = run()
            if turn:
                seconds[name].append(passed)
    return seconds


def ratio(ours: list[float], theirs: list[float]) -> float:
    """The median of the ratios within each repetition."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def at_threads(threads: int, work: Callable[[], object]) -> float:
    torch.set_num_threads(threads)
    try:
        return timed(work)
    finally:
        torch.set_num_threads(1)


def print_against_others(title: str, config: RunConfig, repetitions: int) -> None:
    arrays = arrays_of(config)
    contestants: dict[str, Callable[[], float]] = {"mnistop": lambda: recorded_run(config)}
    for threads in sorted({1, os.cpu_count() or 1}):
        contestants[f"notebook's loop, {threads} thread{'s' * (threads > 1)}"] = (
            lambda threads=threads: at_threads(threads, lambda: peers.notebook(config, arrays))
        )
    contestants["autograd on permuted tensors"] = lambda: timed(
        lambda: peers.autograd(config, arrays)
    )
    contestants["matrix products and update alone"] = lambda: timed(
        lambda: peers.floor(config, arrays)
    )
    for name, run in peers.libraries().items():
        contestants[name] = lambda run=run: timed(lambda: run(config, arrays))
    seconds = alternated(contestants, repetitions)
    print(f"\n{title}\n{'':36}{'seconds':>9}{'mnistop takes':>16}")
    for name, theirs in seconds.items():
        share = "" if name == "mnistop" else f"{ratio(seconds['mnistop'], theirs):.2f}"
        print(f"{name:36}{statistics.median(theirs):9.3f}{share:>16}")


def print_settings(repetitions: int) -> None:
    print(
        f"\nother settings, 10 epochs\n{'':24}{'mnistop':>9}{'autograd':>10}{'times as fast':>15}"
    )
    for name, values in SETTINGS.items():
        config = RunConfig(epochs=10, device="cpu", **values)
        arrays = arrays_of(config)
        seconds = alternated(
            {
                "ours": lambda: timed(lambda: bare_run(config, arrays)),  # noqa: B023
                "theirs": lambda: timed(lambda: peers.autograd(config, arrays)),  # noqa: B023
            },
            repetitions,
        )
        ours, theirs = seconds["ours"], seconds["theirs"]
        medians = (statistics.median(side) for side in (ours, theirs))
        print(f"{name:24}{next(medians):9.3f}{next(medians):10.3f}{ratio(theirs, ours):15.2f}")


def write_images(path: Path, count: int) -> None:
    """The bundled images, again and again up to a number."""
    dataset = load("bundled", None)
    rows = np.arange(count) % len(dataset)
    images = (dataset.images[rows] * 255).round().astype(np.uint8)
    np.savez(path, images=images, labels=dataset.labels[rows])


def print_machine(repetitions: int) -> None:
    packages = ("torch", "numpy", "scikit-learn", "skorch", "lightning", "keras")
    versions = []
    for package in packages:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"{package} not installed")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(", ".join(versions))
    print(f"one thread where nothing else is said, medians of {repetitions} repetitions")


def main() -> None:
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    torch.set_num_threads(1)
    threadpool_limits(1)  # of NumPy, under scikit-learn
    print_machine(repetitions)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MNISTOP_RUNS"] = folder
        default = RunConfig(device="cpu")
        print_against_others("1,000 images × 100 epochs, the default run", default, repetitions)
        path = Path(folder) / "images.npz"
        write_images(path, 20_000)
        long = RunConfig(source=str(path), samples=None, epochs=5, device="cpu")
        print_against_others("20,000 images × 5 epochs", long, repetitions)
        print_settings(repetitions)


if __name__ == "__main__":
    main()
