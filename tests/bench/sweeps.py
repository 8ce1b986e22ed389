"""A sweep over four learning rates against the same runs alone, and against joblib's processes.

    python -m tests.bench.sweeps [repetitions]

What is compared takes turns; a time is the median over the repetitions, a ratio the median of the
ratios within them. Both our sides make whole runs with all their recording. joblib's own processes
(loky) record nothing, and load PyTorch and the data anew for each sweep, as ours would there.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import joblib
from joblib.externals.loky import get_reusable_executor

from mnistop.engine import worker
from mnistop.engine.config import RunConfig

RATES = (0.003, 0.03, 0.1, 0.3)
CONFIGS = [RunConfig(lr=lr, device="cpu") for lr in RATES]


def sweep() -> None:
    """All in one sweep, on all cores."""
    _wait_for(worker.launch_sweep(CONFIGS).is_running)


def one_core() -> None:
    """All in one sweep, on one core."""
    _wait_for(worker.launch_sweep(CONFIGS, jobs=1).is_running)


def one_after_the_other() -> None:
    """The baseline: each by itself, as `mnistop train` would."""
    for config in CONFIGS:
        _wait_for(worker.launch(config).is_running)


def loky() -> None:
    """The same trainings without recording, in joblib's own processes."""
    joblib.Parallel(joblib.cpu_count())(joblib.delayed(train_silently)(each) for each in CONFIGS)
    get_reusable_executor().shutdown(wait=True)


def train_silently(config: RunConfig) -> None:
    """Train one run, as one of joblib's processes."""
    import torch

    from tests.helpers.small_runs import trained

    torch.set_num_threads(1)
    trained(config)


def _wait_for(is_running: Callable[[], bool]) -> None:
    while is_running():
        time.sleep(0.005)


def main(repetitions: int = 5) -> None:
    """Prints what takes how long."""
    sides: dict[str, Callable[[], None]] = {
        "one after the other": one_after_the_other,
        "a sweep on one core": one_core,
        f"a sweep on all {joblib.cpu_count()} cores": sweep,
        "joblib's processes, all cores": loky,
    }
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MNISTOP_RUNS"] = str(Path(folder, "runs"))
        one_after_the_other()  # the fork server loads what it needs
        took: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(repetitions):
            for name, side in sides.items():
                start = time.perf_counter()
                side()
                took[name].append(time.perf_counter() - start)
    baseline = took["one after the other"]
    for name, seconds in took.items():
        ratio = statistics.median(a / b for a, b in zip(seconds, baseline, strict=True))
        print(f"{name:<30} {statistics.median(seconds):8.2f} s  {ratio:.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
