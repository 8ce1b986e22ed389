"""The real command in a pseudo-terminal, with the time at which something came to be seen."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pyte

WIDTH, HEIGHT = 120, 40
_STATUS_REQUEST, _STATUS = b"\x1b[5n", b"\x1b[0n"
_KEYS = {"esc": "\x1b", "enter": "\r", "tab": "\t", "down": "\x1b[B", "up": "\x1b[A"}


class Answer(NamedTuple):
    """The time from a key to its visible effect."""

    seconds: float
    undisturbed: float
    """Without the time in which other programs had the processor."""


class Screen:
    """The command, what it has written, and what its screen shows.

    Args:
        arguments: of the command.
        module: what is run as the command.
    """

    def __init__(self, *arguments: str, module: str = "mnistop") -> None:
        environment = os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.started = time.perf_counter()
        self.process, self._fd = pty.fork()
        if self.process == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
            os.execve(sys.executable, [sys.executable, "-m", module, *arguments], environment)
        self.bytes = 0
        self._unanswered = b""
        self._screen = pyte.Screen(WIDTH, HEIGHT)
        self._stream = pyte.ByteStream(self._screen)

    @property
    def text(self) -> str:
        """The text on the screen."""
        return "\n".join(self._screen.display)

    def send(self, key: str) -> float:
        """Presses a key; returns when."""
        now = time.perf_counter()  # before: the command may answer while this process waits
        os.write(self._fd, _KEYS.get(key, key).encode())
        return now

    def read(self, seconds: float) -> float:
        """Read the output of some time, and draw it; return the time of its arrival."""
        now, chunk = self._take(seconds)
        self._stream.feed(chunk)
        return now

    def _take(self, seconds: float) -> tuple[float, bytes]:
        """Wait for output, answer the terminal queries in it, and return it with its time."""
        ready, _, _ = select.select([self._fd], [], [], seconds)
        now = time.perf_counter()
        chunk = os.read(self._fd, 1 << 16) if ready else b""
        self.bytes += len(chunk)
        self._unanswered += chunk
        asked = self._unanswered.count(_STATUS_REQUEST)
        self._unanswered = self._unanswered[-len(_STATUS_REQUEST) + 1 :]  # it may come in two parts
        if asked:
            os.write(self._fd, asked * _STATUS)
        return now, chunk

    def wait_for(self, seen: str | Callable[[str], object], seconds: float = 60) -> float:
        """The time at which a text was on the screen, or the screen was as wanted."""
        end = time.perf_counter() + seconds
        now = time.perf_counter()
        while not (seen in self.text if isinstance(seen, str) else seen(self.text)):
            now = self.read(0.5)
            if now > end:
                raise TimeoutError(f"{seen} did not come to\n{self.text}")
        return now

    def drain(self, seconds: float) -> None:
        """Read for some time."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.read(left)

    def settle(self, quiet: float = 0.12) -> None:
        """Read until nothing has been written for some time."""
        before = -1
        while self.bytes != before:
            before = self.bytes
            self.drain(quiet)

    def answer(self, key: str, seen: Callable[[str], object] | None = None) -> Answer:
        """Presses a key and waits until the screen is as wanted, or else until all is drawn."""
        queued = self._queued()
        pressed = self.send(key)
        if seen:
            now, waited = self.first_seen(seen, lambda: self._queued() - queued)
        else:
            now, waited = self._last_change(queued)
        return Answer(now - pressed, max(0.0, now - pressed - waited))

    def first_seen(
        self, seen: Callable[[str], object], told: Callable[[], float], together: float = 0.15
    ) -> tuple[float, float]:
        """Wait for a condition on the screen; return its time, and `told` at that time.

        What comes is shown only now and then: to show it at once would hold up what follows.
        """
        end = time.perf_counter() + 10
        while time.perf_counter() < end:
            written, until = [], time.perf_counter() + together
            while (left := until - time.perf_counter()) > 0:
                now, chunk = self._take(left)
                written.append((now, told(), chunk))
            came = None
            for now, value, chunk in written:
                self._stream.feed(chunk)
                if not came and seen(self.text):
                    came = now, value
            if came:
                return came
        raise TimeoutError(f"nothing came to\n{self.text}")

    def _last_change(
        self, queued: float, quiet: float = 0.1, seconds: float = 10
    ) -> tuple[float, float]:
        """Return the time of the last change of one burst of output, and its time in the queue.

        It is shown afterwards: what that takes here, 2 ms a kilobyte, is not the command's time.
        """
        last, written = (0.0, 0.0), b""
        end = time.perf_counter() + seconds
        while last[0] == 0 or time.perf_counter() < last[0] + quiet:
            now, chunk = self._take(quiet / 4)
            if chunk:
                last = (now, self._queued() - queued)
                written += chunk
            if now > end:
                raise TimeoutError(f"nothing came to\n{self.text}")
        self._stream.feed(written)
        return last

    def _queued(self) -> float:
        """Seconds that the command's main thread was ready but had no processor."""
        return int(Path(f"/proc/{self.process}/schedstat").read_text().split()[1]) / 1e9

    def rate(self, seconds: float) -> float:
        """Bytes written a second."""
        before, started = self.bytes, time.perf_counter()
        self.drain(seconds)
        return (self.bytes - before) / (time.perf_counter() - started)

    def processor(self) -> float:
        """Seconds of processor time that the interface has taken."""
        with open(f"/proc/{self.process}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """Megabytes that the interface holds."""
        with open(f"/proc/{self.process}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def close(self) -> None:
        """Ends the command; training goes on."""
        os.kill(self.process, signal.SIGTERM)
        with suppress(OSError):
            while True:
                self.read(0.1)
        os.waitpid(self.process, 0)
        os.close(self._fd)


@contextmanager
def screen(*arguments: str, module: str = "mnistop") -> Iterator[Screen]:
    """Opens the command."""
    opened = Screen(*arguments, module=module)
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def training(*arguments: str, module: str = "mnistop") -> Iterator[Screen]:
    """Opens the command and trains for long, until it is left."""
    with screen(*arguments, "--epochs", "100000", module=module) as shown:
        shown.wait_for("Press r")
        shown.drain(3)
        shown.send("r")
        shown.wait_for("val ")
        shown.drain(2)
        try:
            yield shown
        finally:
            stop(shown)


def stop(shown: Screen) -> None:
    """Stops the run, from whatever screen."""
    shown.send("1")
    shown.drain(0.3)
    if "stopped and saved" not in shown.text:
        shown.send("s")
        shown.wait_for("stopped and saved")


def tell(what: str, answers: list[Answer]) -> None:
    """Prints how long keys took, with and without the time that other programs had."""
    columns = []
    for index, share in ((0, 0.5), (0, 0.99), (1, 0.5), (1, 0.99)):
        columns.append(1000 * percentile([answer[index] for answer in answers], share))
    print(
        "{:32} median {:6.1f} ms, 99% {:6.1f} ms; undisturbed {:5.1f}, {:5.1f}".format(
            what, *columns
        )
    )


def percentile(values: list[float], share: float) -> float:
    """The value that so large a share of the others is not above."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
