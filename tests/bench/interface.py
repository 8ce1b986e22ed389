"""Speed of the interface: opening, starting a run, keys; its cost, and the bytes it sends.

    python -m tests.bench.interface [opening|keys|loop|bytes|memory|growth|cost]...

Everything is measured from outside, at the pseudo-terminal of the real command, 120×40.
"""

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from mnistop.engine import events
from mnistop.engine.runs import run_folder
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.lookup import find_run
from tests.bench.commands import Taken, taken
from tests.bench.watched import Answer, percentile, screen, stop, tell, training
from tests.helpers import made_up

FOCUSED = "▸ "
"""Stands in the title of the pane that has the focus; only the form has none."""
EPOCHS = 1500
PAIRS = 9
FIRST = 20
"""Answers after which is known how long one takes."""
LOOP_KEYS = {
    "enter": "the next line",
    "u": "a line back",
    "s": "a step",
    "t": "ten steps",
    "l": "another weight",
    "n": "another image",
}
SCREENS = {
    "1": "dashboard",
    "2": "mistakes",
    "2g": "gallery",
    "3": "attack",
    "4": "weights",
    "5": "data",
    "e": "pad",
}


def first_frame() -> Taken:
    with screen() as shown:
        now, processor = shown.first_seen(lambda text: "Press r" in text, shown.processor)
        return Taken(now - shown.started, processor)


def first_epoch() -> float:
    """Seconds from the key r to the first epoch on the screen, the fork server being warm."""
    with screen() as shown:
        shown.wait_for("Press r")
        shown.drain(4)
        pressed = shown.send("r")
        return shown.wait_for("val ") - pressed


def opening() -> None:
    alone = ("-c", "import textual.app, textual.widgets")
    pairs = [(taken(alone), first_frame()) for _ in range(9)]
    ratio = statistics.median(frame.processor / alone.processor for alone, frame in pairs)
    for name, side, share in zip(
        ("importing Textual alone", "mnistop to its first frame"),
        zip(*pairs, strict=True),
        (1, ratio),
        strict=True,
    ):
        wall, processor = (statistics.median(column) for column in zip(*side, strict=True))
        print(f"{name:34} {wall:7.3f} s, processor {processor:6.3f} s  {share:.2f}")
    starts = [first_epoch() for _ in range(5)]
    print(f"key r to the first epoch, warm     {statistics.median(starts):7.3f} s")


def keys(presses: int = 200) -> None:
    """Time from each Tab to its effect while training runs flat out, and the event loop's load.

    Beside it stands a loop of Python that does nothing, usually as long, and how long it takes at
    worst: that much is the machine's own doing.
    """
    answers: list[Answer] = []
    loops: list[float] = []
    turns_of_loop = 0
    with tempfile.NamedTemporaryFile() as file:
        with training(file.name, module="tests.bench.blocking") as shown:
            for press in range(presses):
                shown.drain(random.uniform(0.05, 0.3))
                moved = _moved_from(shown.text.find(FOCUSED))
                if press % 5 == 4:
                    shown.send("tab")
                else:
                    answers.append(shown.answer("tab", moved))
                if len(answers) == FIRST:
                    usual = statistics.median(answer.seconds for answer in answers)
                    one = statistics.median(_loop(10_000) for _ in range(99)) / 10_000
                    turns_of_loop = round(usual / one)
                loops += [_loop(turns_of_loop)] if turns_of_loop else []
        turns = json.loads(Path(file.name).read_text())
    tell("key to screen while training", answers)
    median, worst = (1000 * percentile(loops, share) for share in (0.5, 0.99))
    print(f"a loop of Python, usually as long median {median:6.1f} ms, 99% {worst:6.1f} ms")
    print(f"processor time of one turn of      {percentile(turns, 0.99):7.1f} ms 99%")
    print(f"  the event loop, from 1 ms on     {max(turns):7.1f} ms longest, startup included")


def line_by_line(presses: int = 30) -> None:
    """Time from each key of the loop screen until all that it changes is drawn."""
    with screen() as shown:
        shown.wait_for("Press r")
        shown.send("8")
        shown.wait_for("is ready", 120)
        for key, what in LOOP_KEYS.items():
            answers = []
            for _ in range(presses):
                shown.settle()
                answers.append(shown.answer(key))
            tell(f"loop screen, {what}", answers)


def _loop(turns: int) -> float:
    started = time.perf_counter()
    for _ in range(turns):
        pass
    return time.perf_counter() - started


def _moved_from(before: int) -> Callable[[str], bool]:
    return lambda text: text.find(FOCUSED) not in (-1, before)


def sent() -> None:
    """Bytes a second of each screen in steady training, and while nothing changes."""
    for arguments in ((), ("--slow",)):
        with training(*arguments) as shown:
            for going, name in SCREENS.items():
                for key in going:
                    shown.send(key)
                    shown.drain(1)
                shown.drain(3)
                label = " ".join([name, *arguments])
                print(f"bytes while training, {label:18} {shown.rate(8) / 1000:5.2f} kB/s")
            shown.send("1")
            shown.drain(1)
            shown.send(" ")
            shown.wait_for("paused")
            shown.drain(2)
            print(f"bytes while paused                       {shown.rate(3) / 1000:5.2f} kB/s")
            shown.send(" ")
            shown.drain(1)
            stop(shown)
            shown.drain(2)
            print(f"bytes after the run                      {shown.rate(3) / 1000:5.2f} kB/s")
    with screen() as shown:
        shown.wait_for("Press r")
        shown.drain(5)
        print(f"bytes before the first run               {shown.rate(3) / 1000:5.2f} kB/s")


def memory() -> None:
    """Memory of the interface and of the training process, in the default run at 120×40."""
    with screen() as shown:
        shown.wait_for("Press r")
        shown.drain(5)
        _tell_memory("interface, before the first run", shown.process)
        shown.send("r")
        shown.wait_for("val ")
        _tell_memory("training process", find_run("last").process_id() or 0)
        shown.wait_for("100 epochs in")
        _tell_memory("interface, after the default run", shown.process)
        for key in SCREENS:
            shown.send(key[0])
            shown.drain(2)
        _tell_memory("interface, all screens opened", shown.process)


def _tell_memory(what: str, process: int) -> None:
    """Megabytes: all that is mapped, that with shared pages divided, and that of its own."""
    kept = dict.fromkeys(("Rss", "Pss", "Private_Clean", "Private_Dirty"), 0.0)
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]:
        name, value = line.split(":")
        if name in kept:
            kept[name] = int(value.split()[0]) * 1024 / 1e6
    own = kept["Private_Clean"] + kept["Private_Dirty"]
    print(f"{what:34} {kept['Rss']:4.0f} MB, its share {kept['Pss']:4.0f}, its own {own:4.0f}")


def growth() -> None:
    """Processor time of the interface a second, and its memory, by the length of the run."""
    for epochs in (100, 1_000, 10_000):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["MNISTOP_RUNS"] = folder
            run = made_up.write_run(Path(folder), made_up.story(epochs))
            with made_up.training(run), screen("--run", run.name) as shown:
                shown.wait_for(f"epoch {epochs:,} of")
                shown.drain(2)
                before, count = shown.processor(), 0
                started = time.perf_counter()
                while (now := time.perf_counter()) < started + 8:
                    made_up.say(run, [made_up.epoch(epochs + count)])
                    count += 1
                    shown.drain(max(0, started + count / 100 - now))
                share = (shown.processor() - before) / (time.perf_counter() - started)
                print(
                    f"{epochs:6,} epochs, 100 more a second    "
                    f"{1000 * share:5.0f} ms/s of a processor, {shown.memory():4.0f} MB"
                )


def seconds_of(run: run_folder.Run) -> float:
    said = read_events(run)
    started = next(event for event in said if isinstance(event, events.RunStarted))
    return said[-1].time - started.time


def training_watched() -> float:
    with screen("--epochs", str(EPOCHS)) as shown:
        shown.wait_for("Press r")
        shown.drain(3)
        shown.send("r")
        shown.wait_for(f"{EPOCHS:,} epochs in")
    return seconds_of(find_run("last"))


def training_alone() -> float:
    subprocess.run(
        [sys.executable, "-m", "mnistop", "train", "--epochs", str(EPOCHS), "--json"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return seconds_of(find_run("last"))


def cost() -> None:
    """One training after the other, with the dashboard and without, in turns."""
    ways = (training_watched, training_alone)
    seconds: dict[Callable[[], float], list[float]] = {way: [] for way in ways}
    for pair in range(PAIRS):
        for way in ways if pair % 2 else reversed(ways):
            seconds[way].append(way())
    watched, unwatched = seconds.values()
    ratios = [a / b for a, b in zip(watched, unwatched, strict=True)]
    low, ratio, high = statistics.quantiles(ratios, n=4)
    print(f"training without the dashboard     {statistics.median(unwatched):7.3f} s  1.00")
    print(
        f"training with the dashboard        {statistics.median(watched):7.3f} s  {ratio:.2f}, "
        f"half of {PAIRS} pairs {low:.2f} to {high:.2f}"
    )


PARTS = {
    "opening": opening,
    "keys": keys,
    "loop": line_by_line,
    "bytes": sent,
    "memory": memory,
    "growth": growth,
    "cost": cost,
}


def main(*chosen: str) -> None:
    for name in chosen or PARTS:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            os.environ["MNISTOP_RUNS"] = folder
            PARTS[name]()


if __name__ == "__main__":
    main(*sys.argv[1:])
