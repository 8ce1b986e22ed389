"""A terminal behind a line that buffers without limit, as sshd and TCP do, and is slow."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.helpers.pseudo_terminal import COMMAND, KEYS, Terminal, places

_PIECE_SECONDS = 0.05
"""The line passes on so much of its time's bytes at once."""


class SlowLine(Terminal):
    """A terminal at the far end of a line.

    Args:
        rate: bytes a second that reach the terminal.
        delay: seconds from one end of the line to the other.
    """

    def __init__(self, *args: Any, rate: float, delay: float = 0.0, **options: Any) -> None:
        self.rate = rate
        """Bytes a second, which may change."""
        self.arrived = 0
        """Bytes that have come to the terminal."""
        self._delay = delay
        self._waiting: deque[int] = deque()
        """Bytes that the program has written and the line has not passed on."""
        self._travelling: deque[tuple[float, bytes]] = deque()
        """Bytes on their way to the terminal, by when they come."""
        self._typed: deque[tuple[float, bytes]] = deque()
        """Bytes on their way to the program, by when they come."""
        self._passed_at = time.monotonic()
        super().__init__(*args, **options)

    @property
    def backlog(self) -> int:
        """Bytes that the line still has to pass on."""
        return len(self._waiting)

    def send(self, *keys: str) -> None:
        """Presses keys at the far end."""
        self._type("".join(KEYS.get(key, key) for key in keys).encode())

    def _answer(self, data: str) -> None:
        self._type(data.encode())

    def _type(self, data: bytes) -> None:
        self._typed.append((time.monotonic() + self._delay, data))

    def _read(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while True:
            self._read_from_program()
            is_new = self._pass_on()
            left = end - time.monotonic()
            if is_new or left <= 0:
                return is_new
            time.sleep(min(left, 0.01))

    def _read_from_program(self) -> None:
        chunk = self._chunk(0)
        self.written += chunk
        self._waiting.extend(chunk)

    def _pass_on(self) -> bool:
        now = time.monotonic()
        if not self._waiting:
            self._passed_at = now
        if not self.rate:
            self._passed_at = now
        count = int((now - self._passed_at) * self.rate)
        if count and (count >= self.rate * _PIECE_SECONDS or count >= len(self._waiting)):
            count = min(count, len(self._waiting))
            self._passed_at += count / self.rate
            self.arrived += count
            data = bytes(self._waiting.popleft() for _ in range(count))
            self._travelling.append((now + self._delay, data))
        while self._typed and self._typed[0][0] <= now:
            os.write(self.fd, self._typed.popleft()[1])
        is_new = False
        while self._travelling and self._travelling[0][0] <= now:
            self._stream.feed(self._travelling.popleft()[1])
            is_new = True
        return is_new


@contextmanager
def slow_line(
    folder: Path,
    *arguments: str,
    rate: float,
    delay: float = 0.0,
    command: Sequence[str] = COMMAND,
) -> Iterator[SlowLine]:
    """Opens the program behind such a line, as `terminal` does in one that is at hand."""
    opened = SlowLine([*command, *arguments], folder, places(folder), rate=rate, delay=delay)
    try:
        yield opened
    finally:
        opened.close()
