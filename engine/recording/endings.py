"""The end of a recording without a call of `finish`: with its process, or with its cell."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import traceback
from types import TracebackType
from typing import Any, Protocol

_LONGEST = 300


class Endable(Protocol):
    """A run that is being recorded, as far as its end is concerned."""

    @property
    def calls(self) -> int:
        """Number of calls that have recorded something."""

    def finish(self) -> None:
        """End as a loop that is over."""

    def end_with(self, error: BaseException) -> None:
        """End as a loop that was ended by an exception."""

    def leave_to_parent(self) -> None:
        """Record nothing more: this is a process that was forked."""


_current: Endable | None = None
_installed = False
_calls_before_cell = 0


def take_over(run: Endable) -> None:
    """Make a run the one that ends with this process; end the one before it now."""
    global _current
    before, _current = _current, run
    if before:
        before.finish()
    _install()


def let_go(run: Endable) -> None:
    """Forget a run that has ended."""
    global _current
    if _current is run:
        _current = None


def _install() -> None:
    global _installed
    if _installed:
        return
    _installed = True
    atexit.register(_at_exit)
    os.register_at_fork(after_in_child=_in_child)
    previous = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
        try:
            _end_with(error)
        finally:
            previous(kind, error, where)

    sys.excepthook = hook
    with contextlib.suppress(Exception):
        _watch_cells()


def _end_with(error: BaseException) -> None:
    if _current:
        _current.end_with(error)


def _at_exit() -> None:
    if _current:
        _current.finish()


def _in_child() -> None:
    global _current
    if _current:
        _current.leave_to_parent()
    _current = None


def _watch_cells() -> None:
    """End a run with the cell of a notebook that it was used in, if an exception ended that."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None:
        return

    def before(*_: Any) -> None:
        global _calls_before_cell
        _calls_before_cell = _current.calls if _current else 0

    def after(result: Any, *_: Any) -> None:
        error = result.error_in_exec
        if error is not None and _current and _current.calls > _calls_before_cell:
            _current.end_with(error)

    shell.events.register("pre_run_cell", before)
    shell.events.register("post_run_cell", after)


def in_words(error: BaseException) -> str:
    """Return what an exception says and where it was raised, in one line."""
    words = " ".join("".join(traceback.format_exception_only(error)).split())
    places = traceback.extract_tb(error.__traceback__)
    place = (
        f" ({os.path.basename(places[-1].filename)}, line {places[-1].lineno})" if places else ""
    )
    return f"{words[:_LONGEST]}{place}"


def traced(error: BaseException) -> str:
    """Return the whole traceback of an exception."""
    with contextlib.suppress(Exception):
        return "".join(traceback.format_exception(error))
    return ""
