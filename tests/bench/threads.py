"""The number of threads that trains a model fastest, and the choice of `threads auto`.

    python -m tests.bench.threads [seconds]

All numbers of threads take turns within each model, a few steps at a time, and the best time of
each counts: threads wait for one another, so that anything else on the machine makes several of
them slower than they are by themselves. A choice that is not the fastest, but within a tenth of it,
is marked ~. Last come the two constants of the rule as they are on this machine.
"""

import platform
import statistics
import sys
import time
from itertools import pairwise

import torch

from mnistop.engine.config import RunConfig
from mnistop.engine.cores import (
    MULTIPLICATIONS_PER_SECOND,
    WAIT_SECONDS,
    choose_threads,
    usable_cores,
)
from mnistop.engine.training.loop import make_train_step
from mnistop.engine.training.state import Labelled, TrainState
from tests.bench.timing import threads, timed

MODELS: tuple[tuple[tuple[int, ...], int], ...] = (
    ((128,), 32),
    ((512,), 32),
    ((128,), 128),
    ((2048,), 32),
    ((512,), 128),
    ((128,), 512),
    ((512,), 512),
    ((2048,), 128),
    ((1024, 1024), 256),
    ((2048, 2048), 512),
)
"""Hidden layers and batch sizes, from small products to large ones."""
_STEPS = 4
_EPOCHS = 1_000_000


class Stepper:
    """Steps of a training, as many as one asks for."""

    def __init__(self, hidden: tuple[int, ...], batch_size: int) -> None:
        config = RunConfig(
            hidden=hidden, batch_size=batch_size, epochs=_EPOCHS, lr=1e-4, device="cpu"
        )
        generator = torch.Generator().manual_seed(0)
        pixels = torch.rand(_STEPS * batch_size, 784, generator=generator)
        labels = torch.randint(0, 10, (len(pixels),), generator=generator)
        self.training = TrainState(config, (28, 28), [1] * 10, torch.device("cpu"))
        self._images = Labelled(pixels, labels)
        self._step = make_train_step(self.training, self._images)

    @torch.inference_mode()
    def epoch(self) -> None:
        training = self.training
        training.begin_epoch(self._images.labels)
        for rows in training.batches():
            self._step(rows)


def counts_up_to(cores: int) -> list[int]:
    """1, 2, 4, … and all of them; 2 also where there is one core, to see what that costs."""
    powers = [2**power for power in range(cores.bit_length())]
    return sorted({*powers, 2, cores})


def seconds_of_step(stepper: Stepper, counts: list[int], budget: float) -> dict[int, float]:
    """The best seconds of a step with each number of threads."""
    best = dict.fromkeys(counts, float("inf"))
    end = time.perf_counter() + budget
    while True:
        for count in counts:
            with threads(count):
                best[count] = min(best[count], timed(stepper.epoch) / _STEPS)
        if time.perf_counter() > end:
            return best


def main() -> None:
    budget = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    torch.set_num_threads(1)
    print(f"{platform.machine()}, {usable_cores()} usable cores, torch {torch.__version__}")
    counts = counts_up_to(usable_cores())
    names = "".join(f"{count:>9}" for count in counts)
    print(f"\nmilliseconds of a step with so many threads{'':9}{names}{'fastest':>9}{'auto':>6}")
    rates, waits = [], []
    for hidden, batch in MODELS:
        stepper = Stepper(hidden, batch)
        layers = stepper.training.model.sizes
        best = seconds_of_step(stepper, counts, budget)
        fastest = min(best, key=lambda count: best[count])
        chosen = choose_threads(layers, batch, 1000 * batch, batch, usable_cores())
        products = [a * b * batch for a, b in pairwise(layers)]
        number = 3 * len(products) - 1
        rates.append((3 * sum(products) - products[0]) / best[1])
        waits.append((best[2] - best[1] / 2) / number)
        near = (
            "" if chosen == fastest else " ~" if best.get(chosen, 0) < 1.1 * best[fastest] else ""
        )
        name = f"hidden {' '.join(map(str, hidden))}, batches of {batch}"
        times = "".join(f"{1000 * best[count]:9.2f}" for count in counts)
        size = f"{max(products) / 1e6:,.0f}M"
        print(f"{name:42}{size:>9} {times}{fastest:>9}{chosen:>6}{near}")
    print(
        f"\none core: {max(rates) / 1e9:.0f} billion multiplications a second (the rule has "
        f"{MULTIPLICATIONS_PER_SECOND / 1e9:.0f})\n"
        f"a second thread costs {1e6 * min(waits):.0f} to {1e6 * max(waits):.0f} µs a product, "
        f"half of them less than {1e6 * statistics.median(waits):.0f} (the rule has "
        f"{1e6 * WAIT_SECONDS:.0f})"
    )


if __name__ == "__main__":
    main()
