"""Training against the notebook's loop, plain PyTorch and other libraries, in the same run.

    python -m tests.bench.training [repetitions]

What is compared takes turns; a time is the median over the repetitions, a ratio the median of the
ratios within them. Ours is a whole run as `mnistop train` makes it, in a process of its own with
all its recording and one thread; the others have one or one for each core, whichever was faster
before. In the last table both sides run in this process, with one thread. skorch, Lightning and
Keras are measured if they are installed: `pip install ".[bench]"`.
"""

import asyncio
import functools
import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from mnistop.engine import worker
from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import load, split
from mnistop.engine.runs.history import History, reduce
from mnistop.engine.training.loop import train
from mnistop.engine.training.state import Epoch, Labelled, TrainState
from tests.bench import peers
from tests.bench.peers import Arrays
from tests.bench.timing import alternated, best_threads, print_machine, ratio, threads, timed

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
    "class weights": {"class_weights": "balanced"},
    "balanced sampler": {"sampler": "balanced"},
}


class Silence:
    """A sink and a control that do nothing."""

    def step_done(self, training: TrainState, labels: torch.Tensor) -> None:
        pass

    def epoch_done(self, training: TrainState, epoch: Epoch) -> None:
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
    counts = torch.bincount(y_train, minlength=10).tolist()
    training = TrainState(config, (28, 28), counts, torch.device("cpu"))
    silence = Silence()
    train(training, Labelled(x_train, y_train), Labelled(x_val, y_val), silence, silence)


def print_against_others(title: str, config: RunConfig, repetitions: int) -> None:
    arrays = arrays_of(config)
    others = {
        "notebook's loop": peers.notebook,
        "autograd on permuted tensors": peers.autograd,
    } | peers.libraries()
    contestants: dict[str, Callable[[], float]] = {"mnistop": lambda: recorded_run(config)}
    for name, run in others.items():
        short = replace(config, epochs=max(1, config.epochs // 20))
        count = best_threads(functools.partial(run, short, arrays))
        work = functools.partial(run, config, arrays)
        label = f"{name}, {count} thread{'s' * (count > 1)}"
        contestants[label] = functools.partial(_at_threads, count, work)
    contestants["matrix products and update alone"] = lambda: timed(
        lambda: peers.floor(config, arrays)
    )
    seconds = alternated(contestants, repetitions)
    print(f"\n{title}\n{'':40}{'seconds':>9}{'mnistop takes':>16}")
    for name, theirs in seconds.items():
        share = "" if name == "mnistop" else f"{ratio(seconds['mnistop'], theirs):.2f}"
        print(f"{name:40}{statistics.median(theirs):9.3f}{share:>16}")


def _at_threads(count: int, work: Callable[[], object]) -> float:
    with threads(count):
        return timed(work)


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
