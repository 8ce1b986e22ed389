"""The real command in a pseudo-terminal, its screen read as a person sees it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyte
from ptyprocess import PtyProcess

COMMAND = (sys.executable, "-m", "mnistop")

KEYS = {
    "tab": "\t",
    "enter": "\r",
    "escape": "\x1b",
    "space": " ",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
}


class Terminal:
    """A terminal with a program in it.

    Args:
        command: the program and its arguments.
        folder: where it is started.
        environ: variables beside those of the tests.
        width: cells.
        height: lines.
        answers: whether it answers status requests, as nearly every terminal does.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        environ: dict[str, str],
        width: int = 120,
        height: int = 40,
        answers: bool = True,
    ) -> None:
        self._screen = pyte.Screen(width, height)
        if answers:
            self._screen.write_process_input = self._answer
        self._stream = pyte.ByteStream(self._screen)
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in ("NO_COLOR", "COLORTERM", "TMUX", "STY", "COLUMNS", "LINES")
        }
        self.process = PtyProcess.spawn(
            list(command),
            cwd=folder,
            env=inherited | {"TERM": "xterm-256color", "PYTHONUTF8": "1"} | environ,
            dimensions=(height, width),
        )
        self.fd: int = self.process.fd
        self.written = b""
        """All that the program has written."""
        self.settings_before = self.settings()

    def settings(self) -> list[Any]:
        """The terminal's settings, as `stty` prints them."""
        return termios.tcgetattr(self.fd)

    @property
    def text(self) -> str:
        """The text on the screen."""
        return "\n".join(line.rstrip() for line in self._screen.display)

    @property
    def cells(self) -> Mapping[int, Mapping[int, pyte.screens.Char]]:
        """The content of each cell, by line and column."""
        return self._screen.buffer

    def send(self, *keys: str) -> None:
        """Presses keys: characters, or names of `KEYS`."""
        os.write(self.fd, "".join(KEYS.get(key, key) for key in keys).encode())

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def _answer(self, data: str) -> None:
        with contextlib.suppress(OSError):  # the program has closed it
            os.write(self.fd, data.encode())

    def clear(self) -> None:
        """Forgets what the screen shows, as when another program has drawn on it."""
        self._screen.reset()

    def resize(self, width: int, height: int) -> None:
        self._screen.resize(height, width)
        self.process.setwinsize(height, width)

    def wait_for(self, wanted: str | Callable[[], object], seconds: float = 100) -> None:
        """Waits until the screen shows a text, or something comes true."""
        end = time.monotonic() + seconds
        while not (wanted in self.text if isinstance(wanted, str) else wanted()):
            if time.monotonic() > end:
                raise AssertionError(f"{wanted} never came; the screen shows\n{self.text}")
            self._read(0.05)

    def hang_up(self) -> None:
        """Take the terminal away, as a lost SSH connection does."""
        self.process.fileobj.close()
        self.process.fd = -1
        self.process.closed = True

    def wait_until_gone(self, text: str) -> None:
        """Waits until a text is no longer shown; what follows Esc at once would be Alt+key."""
        self.wait_for(lambda: text not in self.text)

    def wait_for_end(self, seconds: float = 100) -> int:
        """Waits until the program has ended, and returns its exit code."""
        self.wait_for(lambda: not self.process.isalive(), seconds)
        while self._read(0):
            pass
        code = self.process.exitstatus
        return -self.process.signalstatus if code is None else code

    def _read(self, seconds: float) -> bool:
        chunk = self._chunk(seconds)
        self.written += chunk
        self._stream.feed(chunk)
        return bool(chunk)

    def _chunk(self, seconds: float) -> bytes:
        """Return the program's next output, or nothing after a time limit."""
        if self.process.closed:
            time.sleep(seconds)
            return b""
        if not select.select([self.fd], [], [], seconds)[0]:
            return b""
        try:
            return os.read(self.fd, 1 << 16)
        except OSError:  # the program has closed it
            time.sleep(min(seconds, 0.01))
            return b""

    def close(self) -> None:
        """Ends the program, and returns once it is gone, however long a busy machine takes."""
        self.process.kill(signal.SIGKILL)
        self.process.wait()
        self.process.close()


def places(folder: Path) -> dict[str, str]:
    """The environment in which the program finds and keeps everything in one folder."""
    names = (
        "MNISTOP_RUNS",
        "MNISTOP_CACHE",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "XDG_STATE_HOME",
    )
    return {name: str(folder / name.lower()) for name in names}


@contextmanager
def terminal(
    folder: Path,
    *arguments: str,
    command: Sequence[str] = COMMAND,
    size: tuple[int, int] = (120, 40),
    answers: bool = True,
    **environ: str,
) -> Iterator[Terminal]:
    """Opens the program with its runs, its cache and its configuration in a folder."""
    environment = places(folder) | environ
    opened = Terminal([*command, *arguments], folder, environment, *size, answers=answers)
    try:
        yield opened
    finally:
        opened.close()
