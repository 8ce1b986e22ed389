"""The writing thread, and flow control by the terminal's own answers.

Over SSH nothing tells a program that its line is slow: the pseudo-terminal, sshd's window and TCP's
buffers take whatever is written, up to minutes of it. Only the far end knows. So what is written is
followed by a status request (`CSI 5 n`, ECMA-48 8.3.35), which nearly every terminal answers once
it has come so far; no more is under way than the line passes on in less than a second, and how
much that is, is learnt from the answers.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable

REQUEST = "\x1b[5n"
PATIENCE = 1.0
"""Seconds that the last words may take when the app ends and nobody reads them."""
_FIRST_WINDOW = 8192.0
"""Bytes that may be under way before anything is known: the first frame."""
_SMALLEST_WINDOW = 128.0
_LARGEST_WINDOW = 65_536.0
_SPACING = 256
"""Bytes between two requests at most, which add 2% then."""
_FIRST_PIECE = 1024
"""Bytes between two requests at most until the speed of the line is known: then the answers come
one by one while a slow line passes on the first frame, and none of them seems to be lost."""
_LINE_SECONDS = 0.75
"""How much of the line's time may be under way."""
_FIRST_PATIENCE = 0.4
"""Seconds after which a terminal that has never answered is taken for one that does not."""
_PATIENCE = 10.0
"""Seconds without an answer after which another one is asked for: one may have been lost."""
_QUICKEST = 0.001
"""Seconds that an answer is taken to need at least."""


class FlowControl:
    """The number of bytes that may be sent, learnt from the answers of the terminal.

    The event loop sends and the thread that reads the terminal answers.

    Args:
        clock: tells the seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._under_way: deque[tuple[int, float]] = deque()
        """Bytes that each request follows, and when it was sent."""
        self._since_request = 0
        self._started: float | None = None
        """When the first request was sent."""
        self._answers = False
        """Whether the terminal has ever answered."""
        self._asked_again: float | None = None
        """When an answer that is long overdue was asked for once more."""
        self._last_answer = -math.inf
        self._round_trip = 0.0
        """Seconds of the quickest answer so far; 0 before the first."""
        self._window = _FIRST_WINDOW
        self._is_learnt = False
        """True once an answer has shown the speed of the line."""

    @property
    def window(self) -> float:
        """Bytes that may be under way; infinite if the terminal does not answer."""
        never = self._started is not None and self._clock() - self._started > _FIRST_PATIENCE
        return math.inf if never and not self._answers else self._window

    def allowance(self, windows: int = 1) -> float:
        """Return how many bytes may be sent now: none, or enough to be worth it.

        Args:
            windows: how many windows may be under way: more than one only for what a key opens.
        """
        with self._changed:
            if not self._under_way:
                return windows * self.window
            under_way = sum(size for size, _ in self._under_way) + self._since_request
            left = windows * self.window - under_way
            return left if left >= self._window / 4 else 0

    @property
    def piece(self) -> float:
        """Bytes that one request may follow."""
        return math.inf if self._is_learnt else _FIRST_PIECE

    def begin(self) -> str:
        """Return the first request, to be sent while the line is empty."""
        self._started = self._clock()
        return self._request()

    def sent(self, size: int) -> str:
        """Count bytes that are being sent, and return the request to send behind them, if any."""
        with self._changed:
            self._since_request += size
            due = self._since_request >= min(_SPACING, self._window / 2)
        return self._request() if due and self._started is not None else ""

    def overdue(self) -> str:
        """Return another request if an answer seems to be lost, else nothing."""
        with self._changed:
            if not (self._answers and self._under_way):
                return ""
            now, (_, sent) = self._clock(), self._under_way[0]
            if now - max(sent, self._last_answer, self._asked_again or -math.inf) < _PATIENCE:
                return ""
            self._asked_again = now
            return REQUEST

    def answered(self) -> None:
        """Receive an answer; one without a request means nothing."""
        with self._changed:
            if not self._under_way:
                return
            now, (size, sent) = self._clock(), self._under_way.popleft()
            self._answers = True
            if self._asked_again is not None:  # those before were lost, or come all at once now
                self._asked_again = None
                self._under_way.clear()
            else:
                self._learn(size, now - sent, now - max(sent, self._last_answer))
            self._last_answer = now
            self._changed.notify_all()

    def wait_until_answered(self, seconds: float) -> None:
        """Wait until no answer is under way that the shell would get, and ask for none any more."""
        self._started = None
        with self._changed:
            if self._answers:
                self._changed.wait_for(lambda: not self._under_way, seconds)

    def _request(self) -> str:
        with self._changed:
            self._under_way.append((self._since_request, self._clock()))
            self._since_request = 0
        return REQUEST

    def _learn(self, size: int, took: float, alone: float) -> None:
        """Adapt the window to an answer.

        Args:
            size: bytes that it is for.
            took: seconds since they were sent.
            alone: seconds since then, or since the answer before where that came later: the line
                was busy with other bytes before.
        """
        if took == alone:
            self._round_trip = min(self._round_trip or took, took)
            alone -= self._round_trip
        if not size:
            return
        self._is_learnt = True
        rate = _LINE_SECONDS * size / max(alone, _QUICKEST)
        if rate < self._window:
            self._window = max(_SMALLEST_WINDOW, rate)
        elif size >= self._window / 2:
            self._window = min(_LARGEST_WINDOW, 2 * self._window, rate)


class Writer:
    """A thread that writes to a terminal, in order.

    Args:
        descriptor: what to write to.
        encoding: how.
        when_written: called in that thread whenever nothing is left to write.
        when_gone: called in that thread if the terminal cannot be written to.
    """

    def __init__(
        self,
        descriptor: int,
        encoding: str,
        when_written: Callable[[], object],
        when_gone: Callable[[], object],
    ) -> None:
        self._descriptor = descriptor
        self._encoding = encoding
        self._when_written = when_written
        self._when_gone = when_gone
        self._unwritten: list[str] = []
        self._writing = False
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="terminal-output", daemon=True)
        self._thread.start()

    @property
    def is_behind(self) -> bool:
        """True if something is still to be written."""
        return self._writing or bool(self._unwritten)

    def write(self, text: str) -> None:
        """Queue a text."""
        if text:
            with self._changed:
                self._unwritten.append(text)
                self._changed.notify()

    def close(self) -> bool:
        """End the thread, or leave it behind if the terminal takes nothing.

        Returns:
            Whether all has been written.
        """
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(PATIENCE)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while text := self._next():
            rest = memoryview(text.encode(self._encoding, "replace"))
            try:
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
            except OSError:
                self._when_gone()
                return
            self._writing = False
            if not self._unwritten:
                self._when_written()

    def _next(self) -> str:
        with self._changed:
            while not self._unwritten and not self._closing:
                self._changed.wait()
            text = "".join(self._unwritten)
            self._unwritten.clear()
            self._writing = bool(text)
            return text
