"""How quickly the interface opens, starts a run and answers keys, and what it costs training.

    python -m tests.bench.interface

Everything is measured from outside, at the pseudo-terminal of the real command, 120×40.
"""

import fcntl
import os
import pty
import random
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from contextlib import contextmanager, suppress

from engine import events, runs

FOCUSED = "▸".encode()
"""Stands in the title of the pane that has the focus, and is sent when the focus moves only."""


class Screen:
    """The command in a pseudo-terminal, its bytes read with the time at which they came."""

    def __init__(self, *arguments: str) -> None:
        environment = os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.started = time.perf_counter()
        self._process, self._fd = pty.fork()
        if self._process == 0:
            time.sleep(0.02)
            os.execve(sys.executable, [sys.executable, "-m", "tui", *arguments], environment)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.bytes = 0

    def send(self, keys: str) -> float:
        os.write(self._fd, keys.encode())
        return time.perf_counter()

    def read(self, seconds: float) -> bytes:
        ready, _, _ = select.select([self._fd], [], [], seconds)
        chunk = os.read(self._fd, 1 << 16) if ready else b""
        self.bytes += len(chunk)
        return chunk

    def wait_for(self, wanted: bytes, seconds: float = 60) -> float:
        """The time at which some bytes came."""
        seen, end = b"", time.perf_counter() + seconds
        while wanted not in seen:
            seen += self.read(0.5)
            if time.perf_counter() > end:
                raise TimeoutError(f"{wanted!r} did not come")
        return time.perf_counter()

    def drain(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.read(left)

    def close(self) -> None:
        os.kill(self._process, signal.SIGTERM)
        with suppress(OSError):
            while True:
                self.read(0.1)
        os.waitpid(self._process, 0)
        os.close(self._fd)


@contextmanager
def screen(*arguments: str):
    opened = Screen(*arguments)
    try:
        yield opened
    finally:
        opened.close()


def first_frame() -> float:
    with screen() as shown:
        return shown.wait_for(b"Press r") - shown.started


def textual_alone() -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import textual.app, textual.widgets"], check=True)
    return time.perf_counter() - started


def first_epoch() -> float:
    """Seconds from the key r to the first row of the log, the fork server being warm."""
    with screen() as shown:
        shown.wait_for(b"Press r")
        shown.drain(4)
        pressed = shown.send("r")
        return shown.wait_for(b"val ") - pressed


def key_latencies(presses: int) -> tuple[list[float], float]:
    """Seconds from each key to its effect on the screen while training runs, and bytes/s."""
    latencies = []
    with screen("--epochs", "100000") as shown:
        shown.wait_for(b"Press r")
        shown.drain(3)
        shown.send("r")
        shown.wait_for(b"val ")
        shown.drain(2)
        before, started = shown.bytes, time.perf_counter()
        shown.drain(8)
        rate = (shown.bytes - before) / (time.perf_counter() - started)
        for press in range(presses):
            shown.drain(random.uniform(0.05, 0.3))
            pressed = shown.send("\t")
            if press % 5 == 4:
                continue
            latencies.append(shown.wait_for(FOCUSED) - pressed)
        shown.send("s")
        shown.wait_for(b"stopped and saved")
    return sorted(latencies), rate


EPOCHS = 300


def seconds_of(run: runs.Run) -> float:
    said = runs.read_events(run)
    started = next(event for event in said if isinstance(event, events.RunStarted))
    return said[-1].time - started.time


def training_watched() -> float:
    with screen("--epochs", str(EPOCHS)) as shown:
        shown.wait_for(b"Press r")
        shown.drain(3)
        shown.send("r")
        shown.wait_for(f"{EPOCHS} epochs in".encode())
    return seconds_of(runs.find("last"))


def training_alone() -> float:
    subprocess.run(
        [sys.executable, "-m", "tui", "train", "--epochs", str(EPOCHS), "--json"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return seconds_of(runs.find("last"))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MNISTOP_RUNS"] = folder
        opening = [(first_frame(), textual_alone()) for _ in range(5)]
        frame, alone = (statistics.median(side) for side in zip(*opening, strict=True))
        ratio = statistics.median(a / b for a, b in opening)
        print(f"importing Textual alone            {alone:7.3f} s  1.00")
        print(f"mnistop to its first frame         {frame:7.3f} s  {ratio:.2f}")
        starts = [first_epoch() for _ in range(5)]
        print(f"key r to the first epoch, warm     {statistics.median(starts):7.3f} s")
        latencies, rate = key_latencies(200)
        middle, late = latencies[len(latencies) // 2], latencies[int(len(latencies) * 0.99)]
        print(f"key to screen while training       {1000 * middle:7.1f} ms median")
        print(f"                                   {1000 * late:7.1f} ms 99th percentile")
        print(f"bytes written while training       {rate / 1000:7.1f} kB/s")
        pairs = [(training_watched(), training_alone()) for _ in range(5)]
        watched, unwatched = (statistics.median(side) for side in zip(*pairs, strict=True))
        ratio = statistics.median(a / b for a, b in pairs)
        print(f"training without the dashboard     {unwatched:7.3f} s  1.00")
        print(f"training with the dashboard        {watched:7.3f} s  {ratio:.2f}")


if __name__ == "__main__":
    main()
