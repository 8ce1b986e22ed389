"""A whole `mnistop train`, against what it cannot do without; and the memory that training takes.

    python -m tests.bench.processes [repetitions]

The command is started cold: it loads PyTorch, trains the default run and ends. What is left over
after `import torch` in a process of its own, and after the training from its first to its last
event, is its own.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mnistop.engine import worker
from mnistop.engine.events import EpochFinished
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.lookup import find_run
from tests.bench.timing import timed
from tests.bench.training import write_images

IMAGES = 70_000


def mnistop_train(*arguments: str) -> str:
    """The command's output."""
    command = [sys.executable, "-m", "mnistop", "train", "--device", "cpu", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def whole_and_training() -> tuple[float, float]:
    """Seconds of `mnistop train`, and those of the training in it."""
    started = time.perf_counter()
    lines = mnistop_train("--json").splitlines()
    seconds = time.perf_counter() - started
    said = [json.loads(line) for line in lines]
    began = next(event["time"] for event in said if event["event"] == "RunStarted")
    return seconds, said[-1]["time"] - began


def import_torch() -> float:
    return timed(lambda: subprocess.run([sys.executable, "-c", "import torch"], check=True))


def print_command(repetitions: int) -> None:
    rounds = [(*whole_and_training(), import_torch()) for _ in range(repetitions + 1)][1:]
    whole, training, torch_alone = (statistics.median(side) for side in zip(*rounds, strict=True))
    over = statistics.median(whole - training - alone for whole, training, alone in rounds)
    print(f"\nmnistop train, the whole process    {whole:8.3f} s")
    print(f"  the training in it                {training:8.3f} s")
    print(f"  import torch, alone               {torch_alone:8.3f} s")
    print(f"  more than these two               {over:8.3f} s")


def peak_memory(*arguments: str) -> float:
    """The most megabytes that a training process has held until it has trained two epochs.

    Pages that it shares with its server count too.
    """
    run = find_run(mnistop_train("--detach", "--epochs", "100000", *arguments).strip())
    finished = 0
    while finished < 2:
        time.sleep(0.05)
        finished = sum(isinstance(event, EpochFinished) for event in read_events(run))
    lines = Path(f"/proc/{run.process_id()}/status").read_text().splitlines()
    worker.stop(run)
    [peak] = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(peak) * 1024 / 1e6


def print_memory(folder: Path) -> None:
    path = folder / "images.npz"
    write_images(path, IMAGES)
    few = peak_memory()
    many = peak_memory("--source", str(path), "--samples", "all")
    one_copy = IMAGES * 784 * 4 / 1e6
    print(f"\nmemory of a training process, the default run {few:8.0f} MB at most")
    print(f"  {IMAGES:,} images                               {many:8.0f} MB at most")
    print(f"  that are copies of all images as float32    {(many - few) / one_copy:8.2f} more")


def main() -> None:
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["MNISTOP_RUNS"] = folder
        print_command(repetitions)
        print_memory(Path(folder))


if __name__ == "__main__":
    main()
