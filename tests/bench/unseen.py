"""Excess of the best of many validation accuracies over the accuracy on unseen images.

    python -m tests.bench.unseen [seeds]

The default run with so many seeds, which decide the first weights and the order of the images; then
with as many divisions into training and validation images. Each run's numbers are those that
`mnistop train` tells: the best epoch's validation accuracy on 200 images, and the accuracy of the
same weights on 3,502 unseen ones. A model is as good as the second says, give or take a point.
"""

import asyncio
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence

from mnistop.engine import worker
from mnistop.engine.config import RunConfig
from mnistop.engine.runs.history import History, reduce


def told_by(config: RunConfig) -> History:
    """Return a run's events, from its start to its end."""

    async def followed() -> History:
        run = await asyncio.to_thread(worker.launch, config)
        history = History()
        async for batch in worker.follow(run):
            history = reduce(history, batch)
        return history

    return asyncio.run(followed())


def print_bias(title: str, configs: Sequence[RunConfig]) -> None:
    found = []
    for config in configs:
        history = told_by(config)
        best, last, tested = history.best, history.epochs[-1], history.tested
        assert best
        assert tested
        assert tested.best_acc is not None
        found.append((best.val_acc, tested.best_acc, last.val_acc, tested.acc))
    best_val, best_test, last_val, last_test = zip(*found, strict=True)
    print(
        f"\n{title}, {len(found)} runs\n{'accuracy, mean ± deviation':30}{'validation':>14}", end=""
    )
    print(f"{'unseen':>14}{'difference':>16}")
    for name, val, test in (
        ("weights of the best epoch", best_val, best_test),
        ("weights of the last epoch", last_val, last_test),
    ):
        apart = [one - other for one, other in zip(val, test, strict=True)]
        cells = f"{_spread(val):>14}{_spread(test):>14}{_spread(apart, '+'):>16}"
        print(f"{name:30}{cells}")
    flattered = sum(val > test for val, test in zip(best_val, best_test, strict=True))
    print(f"the best validation accuracy is above that on unseen images in {flattered} of them")


def _spread(values: Sequence[float], sign: str = "") -> str:
    mean, deviation = statistics.fmean(values), statistics.stdev(values)
    return f"{100 * mean:{sign}.1f} ± {100 * deviation:.1f}"


def main() -> None:
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MNISTOP_RUNS"] = folder
        print_bias("seeds", [RunConfig(seed=seed, device="cpu") for seed in range(seeds)])
        splits = [RunConfig(split_seed=seed, device="cpu") for seed in range(seeds)]
        print_bias("split seeds", splits)


if __name__ == "__main__":
    main()
