"""Thousands of runs: how long it takes to list them, and to open and scroll their screen.

`python -m tests.bench.runs [RUNS]` makes a store of 5,000 runs in a scratch folder.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from mnistop.engine import events, worker
from mnistop.engine.config import RunConfig
from mnistop.engine.runs import index, run_folder
from mnistop.engine.runs.event_log import read_events
from tests.helpers import made_up

_EPOCHS = 30


def make_store(folder: Path, count: int) -> None:
    """Runs of thirty epochs each, of many settings, most finished, some not."""
    chance = random.Random(0)
    first = time.mktime((2026, 1, 1, 0, 0, 0, 0, 0, -1))
    for number in range(count):
        stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(first + 600 * number))
        words = "-".join(("calm", chance.choice(("otter", "birch", "lark"))))
        config = RunConfig(
            lr=chance.choice((0.001, 0.01, 0.1, 0.3, 1.0)),
            hidden=chance.choice(((), (64,), (128,), (256, 128))),
            seed=chance.randrange(10),
            epochs=_EPOCHS,
        )
        name = f"{stamp}-{words}"
        trained = chance.choice((_EPOCHS, _EPOCHS, _EPOCHS, chance.randrange(1, _EPOCHS)))
        said: list[events.Event] = made_up.story(trained, name)
        ends = (made_up.finished if trained == _EPOCHS else made_up.stopped)(trained, name)
        made_up.write_run(folder, [*said, ends], config, name)


def seconds(what: Callable[[], object]) -> float:
    """Wall time of a call."""
    start = time.perf_counter()
    what()
    return time.perf_counter() - start


def read_all() -> list[object]:
    """The baseline: every run's events."""
    return [read_events(run) for run in run_folder.list_runs()]


async def screen_times() -> tuple[float, list[float]]:
    """Seconds from the key 6 to the newest run on the screen, and those of each key after."""
    from tests.helpers.dashboard import dashboard

    await worker.warmed_up()
    folder = run_folder.runs_folder()
    newest = run_folder.list_runs()[0].name
    async with dashboard(folder, (120, 40)) as shown:
        start = time.perf_counter()
        await shown.press("6")
        await shown.until(lambda: newest.split("-", 2)[-1] in shown.text)
        opened = time.perf_counter() - start
        keys = []
        for key in ["down"] * 50 + ["pagedown"] * 50 + ["end", "home"] * 5:
            start = time.perf_counter()
            await shown.press(key)
            keys.append(time.perf_counter() - start)
        return opened, keys


def main(count: int = 5000) -> None:
    """Prints what takes how long."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MNISTOP_RUNS"] = folder
        os.environ["XDG_CONFIG_HOME"] = folder
        make_store(Path(folder), count)
        baseline = seconds(read_all)
        rebuilt = seconds(index.list_all)
        listed = statistics.median(seconds(index.list_all) for _ in range(7))
        kept = index.list_all()
        again = statistics.median(seconds(kept.look) for _ in range(7))
        live = statistics.median(seconds(kept.look_at_live) for _ in range(7))
        worker.warm_up()
        opened, keys = asyncio.run(screen_times())
        worker.close()
        for what, took in (
            ("reading the events of all", baseline),
            ("the index made anew", rebuilt),
            ("the list from the index", listed),
            ("looking again at all", again),
            ("looking again at live ones", live),
            ("key 6 to the newest run", opened),
            ("a key in the list, median", statistics.median(keys)),
            ("a key in the list, slowest", max(keys)),
        ):
            print(f"{what:<30} {took:8.4f} s  {took / baseline:.4f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
