"""The default run, all its recording included, against the notebook's own loop.

    python -m tests.bench.training [repetitions]

Both at one thread, in turn; prints the median seconds and the median of the ratios.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time

import torch

from engine import worker
from engine.config import RunConfig
from engine.history import History, reduce
from tests.bench.peers import notebook


def default_run() -> float:
    """Seconds of training, judging and recording of the default run, in its own process."""

    async def followed() -> History:
        run = await asyncio.to_thread(worker.launch, RunConfig())
        history = History()
        async for batch in worker.follow(run):
            history = reduce(history, batch)
        return history

    history = asyncio.run(followed())
    return history.ended.time - history.started.time


def timed_notebook() -> float:
    started = time.perf_counter()
    notebook()
    return time.perf_counter() - started


def main() -> None:
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MNISTOP_RUNS"] = folder
        default_run(), timed_notebook()
        pairs = [(default_run(), timed_notebook()) for _ in range(repetitions)]
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"torch {torch.__version__}, 1 thread, {repetitions} pairs, medians")
    print(f"notebook's loop (DataLoader)       {theirs:6.3f} s   1.00")
    print(f"mnistop's default run, recorded    {ours:6.3f} s   {ratio:.2f}")


if __name__ == "__main__":
    main()
