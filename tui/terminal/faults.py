"""Faults of the program that need not end it: told in a sentence, with the traceback in a file."""

import contextlib
import os
import time
import traceback
from collections.abc import Callable
from functools import wraps

import platformdirs
from textual import events, on
from textual.app import App
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget
from textual.worker import Worker, WorkerState

from mnistop.engine.errors import host_error
from mnistop.tui.terminal.textual_hooks import DispatchHook

_said: dict[tuple[str, str, int | None], str] = {}
"""What was said of faults of one kind at one place; their tracebacks are written once."""


def in_words(error: Exception) -> str:
    """What went wrong, and where its traceback is."""
    if lack := host_error(error):
        return str(lack)
    name = type(error).__name__
    what = f"{name}: {error}" if str(error) else name
    place = traceback.extract_tb(error.__traceback__)[-1]
    kind = (name, place.filename, place.lineno)
    if kind not in _said:
        where = _write(error)
        hint = f" Its traceback is in {where}." if where else ""
        _said[kind] = f"This is a fault of the program, {what}.{hint} Training is not affected."
    return _said[kind]


def _write(error: Exception) -> str:
    """Appends a traceback; returns the file, or nothing if it cannot be written."""
    with contextlib.suppress(OSError, RuntimeError):  # the latter of a user without a home
        path = platformdirs.user_log_path("mnistop") / "faults.txt"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with open(descriptor, "a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%F %T')}\n{''.join(traceback.format_exception(error))}\n")
        return str(path)
    return ""


class FaultTolerant(DispatchHook):
    """Says what has failed in a handler, a timer or a worker, where Textual would end the app.

    Composing has to succeed, and what the app does before it has a screen: there is nothing to go
    on with otherwise.
    """

    def survive(self, error: Exception, message: Message) -> bool:
        """Report an exception in a handler, but for the app's `Mount`: raise that."""
        if isinstance(self, App) and isinstance(message, events.Mount):
            return False
        self.say_fault(error)
        return True

    @on(Worker.StateChanged)
    def _on_worker_state_changed(self, message: Worker.StateChanged) -> None:
        """Says what work beside this part has failed."""
        error = message.worker.error
        if message.state == WorkerState.ERROR and isinstance(error, Exception):
            self.say_fault(error)

    def every(self, seconds: float, act: Callable[[], object]) -> Timer:
        """Does something again and again, and says a fault in it once."""
        return self.set_interval(seconds, self._tolerant(act))

    def after_refresh(self, act: Callable[[], object]) -> None:
        """Does something once all that has changed is drawn."""
        self.call_after_refresh(self._tolerant(act))

    def _tolerant(self, act: Callable[[], object]) -> Callable[[], None]:
        said: set[str] = set()

        @wraps(act)
        def tolerant() -> None:
            try:
                act()
            except Exception as error:
                if (fault := in_words(error)) not in said:
                    said.add(fault)
                    self.say_fault(error)

        return tolerant

    def say_fault(self, error: Exception) -> None:
        """Says what has failed."""
        self.app.notify(in_words(error), severity="error", markup=False, timeout=15)


class FaultTolerantWidget(FaultTolerant, Widget):
    """A widget in whose place nothing is drawn where it cannot be drawn."""

    def render_lines(self, crop: Region) -> list[Strip]:
        """Lines for Textual's compositor."""
        try:
            return super().render_lines(crop)
        except Exception as error:
            self.say_fault(error)
            return [Strip.blank(crop.width)] * crop.height
