"""The order of drawing: a piece at a time, so that keys come between, as often as the line takes.

An epoch may take milliseconds, and each changes nearly all panes. Here every pane is drawn at its
own pace, never two in one turn of the event loop, and what nobody asked for by a key only once the
line has taken what was drawn before, and within a budget of bytes.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from textual.screen import Screen

from mnistop.tui.terminal import faults

_TURN = 0.04
"""Seconds between two pieces: a key is answered in less."""


@dataclass(frozen=True)
class Pace:
    """The speed of a line."""

    stretch: float
    """How many times as long as usual pieces wait before they are drawn again."""
    rate: float
    """Bytes a second for what is drawn without a key."""


USUAL = Pace(stretch=1, rate=6_000)
SLOW = Pace(stretch=4, rate=800)


@runtime_checkable
class Paced(Protocol):
    """An app that knows its line."""

    pace: Pace

    @property
    def line_is_free(self) -> bool:
        """True if what is drawn now would be sent at once."""

    @property
    def unsolicited_bytes(self) -> int:
        """Bytes sent to the terminal so far, without those that answer a key."""


class Budget:
    """The bytes that may be sent now, which grow with time and are spent by whatever is sent.

    Args:
        rate: bytes a second.
        sent: tells the bytes sent so far.
        clock: tells the seconds.
    """

    def __init__(
        self, rate: float, sent: Callable[[], int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._sent = sent
        self._clock = clock
        self._left = rate
        self._before = (clock(), sent())

    @property
    def allows(self) -> bool:
        """True if something may be sent: not more than a second's bytes are saved up."""
        now, sent = self._clock(), self._sent()
        earned = self._rate * (now - self._before[0])
        self._left = min(self._rate, self._left + earned) - (sent - self._before[1])
        self._before = (now, sent)
        return self._left > 0

    def clear_debt(self) -> None:
        """Start again, without debt."""
        self._before = (self._clock(), self._sent())
        self._left = self._rate


@dataclass
class _Piece:
    draw: Callable[[], object]
    every: float
    """Seconds from one drawing to the next, at least."""
    cheap: bool
    """Whether it is drawn whatever else was sent."""
    last: float = -math.inf
    changed: bool = False
    urgent: bool = False


class Scheduler:
    """The drawing of the pieces of a screen.

    Args:
        screen: while it is hidden, nothing is drawn. Its app knows the line if it is `Paced`.
    """

    def __init__(self, screen: Screen[None]) -> None:
        app = screen.app
        self._screen = screen
        self._app = app
        self._pace = app.pace if isinstance(app, Paced) else USUAL
        self._budget = Budget(
            self._pace.rate, lambda: app.unsolicited_bytes if isinstance(app, Paced) else 0
        )
        self._pieces: list[_Piece] = []
        self._complained: set[str] = set()
        self._timer = screen.set_interval(_TURN, self._turn, pause=True)

    def add(self, draw: Callable[[], object], every: float, cheap: bool = False) -> None:
        """Add a piece.

        Args:
            draw: draws it.
            every: seconds from one drawing to the next, at least.
            cheap: whether it takes so few bytes that it need not wait for the line.
        """
        self._pieces.append(_Piece(draw, every * self._pace.stretch, cheap))

    def changed(self, urgent: bool = False) -> None:
        """Schedule all pieces to be drawn again.

        Args:
            urgent: whether a person waits for it.
        """
        for piece in self._pieces:
            piece.changed = True
            piece.urgent |= urgent
        if urgent:
            self._budget.clear_debt()
            self._turn()
        self._timer.resume()

    @property
    def is_caught_up(self) -> bool:
        """True if all that a person waits for has been drawn and sent."""
        is_free = not isinstance(self._app, Paced) or self._app.line_is_free
        return is_free and not any(piece.urgent for piece in self._pieces)

    def clear_debt(self) -> None:
        """Charge nothing for a drawing that a key asked for."""
        self._budget.clear_debt()

    def finish(self) -> None:
        """Draw all changed pieces now."""
        for piece in self._pieces:
            if piece.changed:
                self._draw(piece)

    def _turn(self) -> None:
        now = time.monotonic()
        changed = [piece for piece in self._pieces if piece.changed]
        if not changed or not self._screen.is_current:
            self._timer.pause()
        elif urgent := [piece for piece in changed if piece.urgent]:
            self._draw(urgent[0])
            self._after_this_turn(self._turn_if_urgent)
        else:
            is_free = not isinstance(self._app, Paced) or self._app.line_is_free
            allows = is_free and self._budget.allows
            due = [
                piece
                for piece in changed
                if now - piece.last >= piece.every and (allows or piece.cheap)
            ]
            if due:
                self._draw(max(due, key=lambda piece: (now - piece.last) / piece.every))

    def _after_this_turn(self, act: Callable[[], object]) -> None:
        """Act after a key that waits: Textual handles all messages of one screen in one turn."""
        asyncio.get_running_loop().call_soon(self._screen.call_later, act)

    def _turn_if_urgent(self) -> None:
        if any(piece.urgent for piece in self._pieces):
            self._turn()

    def _draw(self, piece: _Piece) -> None:
        piece.changed = piece.urgent = False
        piece.last = time.monotonic()
        try:
            piece.draw()
        except Exception as error:
            self._complain(faults.in_words(error))

    def _complain(self, fault: str) -> None:
        if fault not in self._complained:
            self._complained.add(fault)
            self._screen.notify(fault, severity="error", markup=False, timeout=15)
