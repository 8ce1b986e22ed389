"""Time of commands that only read, against Python itself and against importing click.

    python -m tests.bench.commands

Beside the wall time stands the processor time of the process, which other programs on the machine
change less.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.helpers import made_up

ROUNDS = 9
RUNS = 50

PYTHON = ("-c", "pass")
COMMANDS = (
    PYTHON,
    ("-c", "import click"),
    ("-m", "mnistop", "--version"),
    ("-m", "mnistop", "--help"),
    ("-m", "mnistop", "train", "--help"),
    ("-m", "mnistop", "runs"),
    ("-m", "mnistop", "runs", "--json"),
    ("-m", "mnistop", "show", "last"),
)
NAMES = {
    PYTHON: "Python, which does nothing",
    ("-c", "import click"): "importing click",
}


class Taken(NamedTuple):
    """Seconds that a process took."""

    wall: float
    processor: float


def taken(arguments: tuple[str, ...]) -> Taken:
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, arguments
    return Taken(time.perf_counter() - started, used.ru_utime + used.ru_stime)


def make_runs(folder: Path) -> None:
    for number in range(RUNS):
        name = f"20260101-{120000 + number}-calm-otter"
        story = made_up.story(100, name)
        made_up.write_run(folder, [*story, made_up.finished(100, name)], name=name)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MNISTOP_RUNS"] = folder
        make_runs(Path(folder))
        taken(COMMANDS[-3])  # which makes the index of the runs
        rounds = [{command: taken(command) for command in COMMANDS} for _ in range(ROUNDS)]
    print(f"{'median of ' + str(ROUNDS):32} {'wall':>9} {'processor':>11}  ratio")
    for command in COMMANDS:
        times = [one[command] for one in rounds]
        wall, processor = (statistics.median(column) for column in zip(*times, strict=True))
        ratio = statistics.median(one[command].processor / one[PYTHON].processor for one in rounds)
        name = NAMES.get(command) or " ".join(["mnistop", *command[2:]])
        print(f"{name:32} {wall:7.3f} s {processor:9.3f} s  {ratio:5.1f}")


if __name__ == "__main__":
    main()
