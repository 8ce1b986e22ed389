"""Training on a GPU: 60,000 images, 10 epochs at batch 128, against what its launches alone take.

    python -m tests.bench.gpu [repetitions]

The floor is the matrix products and the update of the same steps, captured as a CUDA graph too and
replayed as often: kernels so small that their launches, one after the other, are what takes time.
Ours is the whole training without recording, judging after each epoch included; it is also shown
with its steps made by Python, kernel by kernel. What is compared takes turns; times are medians.
"""

import statistics
import sys
from collections.abc import Callable

import torch
from torch import Tensor

from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import load
from mnistop.engine.training.captured import CudaGraph
from mnistop.engine.training.loop import train
from mnistop.engine.training.state import Labelled, TrainState
from tests.bench.timing import alternated, ratio, timed
from tests.bench.training import Silence

IMAGES, VALIDATION = 60_000, 10_000
CONFIG = RunConfig(epochs=10, batch_size=128, device="cuda")


def images_on(device: torch.device, count: int) -> Labelled:
    """The bundled images, again and again up to a number."""
    dataset = load("bundled", None)
    rows = torch.arange(count) % len(dataset)
    pixels = torch.from_numpy(dataset.images).flatten(1)[rows]
    return Labelled(pixels.to(device), torch.from_numpy(dataset.labels)[rows].to(device))


def whole(device: torch.device, captured: bool, images: Labelled, validation: Labelled) -> None:
    """Ours, its steps captured or not."""
    training = TrainState(CONFIG, (28, 28), [1] * 10, device)
    training.captured = captured
    silence = Silence()
    train(training, images, validation, silence, silence)


def floor(device: torch.device, images: int) -> Callable[[], None]:
    """The products and the update of all steps: see `tests.bench.peers.floor`."""
    x = torch.rand(CONFIG.batch_size, 784, device=device)
    first = torch.randn(128, 784, device=device) * 0.01
    second = torch.randn(10, 128, device=device) * 0.01

    def products() -> Tensor:
        hidden = torch.mm(x, first.t())
        logits = torch.mm(hidden, second.t())
        below = torch.mm(logits, second)
        second.addmm_(logits.t(), hidden, alpha=-1e-12)
        first.addmm_(below.t(), x, alpha=-1e-12)
        return logits

    graph = CudaGraph(products, torch.Generator(device))
    steps = CONFIG.epochs * -(-images // CONFIG.batch_size)

    def replayed() -> None:
        for _ in range(steps):
            graph.replay()
        torch.cuda.synchronize()

    return replayed


def main() -> None:
    if not torch.cuda.is_available():
        print("training on a GPU: there is none here, so nothing is measured")
        return
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    device = torch.device("cuda")
    images, validation = images_on(device, IMAGES), images_on(device, VALIDATION)
    work = {
        "mnistop": lambda: whole(device, True, images, validation),
        "its steps made by Python": lambda: whole(device, False, images, validation),
        "products and update alone": floor(device, IMAGES),
    }
    seconds = alternated(
        {name: lambda run=run: timed(run) for name, run in work.items()}, repetitions
    )
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
    print(f"{IMAGES:,} images × {CONFIG.epochs} epochs at batch {CONFIG.batch_size}")
    floors = seconds["products and update alone"]
    for name, theirs in seconds.items():
        share = ratio(floors, theirs)
        print(f"{name:36}{statistics.median(theirs):9.3f} s{share:16.2f} is the floor")


if __name__ == "__main__":
    main()
