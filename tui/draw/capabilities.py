"""The abilities of the terminal: colours, Unicode, and a dark or light ground."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

TRUE_COLOR = 2**24

_DIRECT = ("kitty", "ghostty", "alacritty", "wezterm", "foot", "contour")
"""Terminals known by their ``TERM`` to show 24-bit colour; ``COLORTERM`` rarely survives SSH."""


@dataclass(frozen=True)
class Terminal:
    """The abilities of one terminal, found once and handed to every renderer."""

    colors: int = TRUE_COLOR
    """Number of colours: 0, 16, 256 or 2**24."""

    unicode: bool = True
    """Whether block, box-drawing and braille characters can be shown; otherwise ASCII only."""

    dark: bool = True
    """Whether text is drawn on a dark ground."""

    advice: str = ""
    """A way to get more than ASCII, where a multiplexer lets nothing else through."""

    @classmethod
    def detect(
        cls,
        environ: Mapping[str, str],
        encoding: str | None,
        force_ascii: bool = False,
        light: bool | None = None,
    ) -> Terminal:
        """Read the abilities of a terminal from its environment.

        Args:
            environ: The environment variables; ``TERM``, ``COLORTERM``, ``NO_COLOR``,
                ``COLORFGBG``, ``STY``, ``TMUX`` and those of the locale are read, as they were
                inherited (`inherited_environ`).
            encoding: The encoding of the stream that is written to.
            force_ascii: Whether to use ASCII even where Unicode could be shown.
            light: Whether the ground is light; None if not known. Terminals are not asked: over
                a slow line the answer would come late and be taken for keys.

        Returns:
            The terminal. An unset ``TERM`` and ``TERM=dumb`` have neither colour nor Unicode.
        """
        term = environ.get("TERM", "").lower()
        basic = term in ("", "dumb", "linux") or term.startswith("vt")
        may_be_unicode = not basic and not force_ascii
        return cls(
            colors=_colors(term, environ),
            unicode=takes_unicode(environ, encoding) and may_be_unicode,
            dark=_dark(environ.get("COLORFGBG", "")) if light is None else not light,
            advice=_advice(environ) if may_be_unicode else "",
        )

    @property
    def images(self) -> Literal["half", "ascii"]:
        """The default way of drawing images: by half blocks or by an ASCII ramp."""
        return "half" if self.unicode and self.colors >= 256 else "ascii"

    @property
    def color_system(self) -> Literal["truecolor", "256", "standard"] | None:
        """Rich's name for the number of colours, None for no colour."""
        if self.colors >= TRUE_COLOR:
            return "truecolor"
        if self.colors >= 256:
            return "256"
        return "standard" if self.colors else None


def takes_unicode(environ: Mapping[str, str], encoding: str | None) -> bool:
    """Return whether more than ASCII can be written to a stream.

    Args:
        environ: The environment variables, as they were inherited.
        encoding: That of the stream. Without a locale Python makes it UTF-8 (PEP 540); tmux and
            screen do not, and show ``_`` for all else. The locale ``C`` asks for ASCII.
    """
    utf8 = (encoding or "").lower().replace("-", "").replace("_", "") == "utf8"
    if not utf8 or _locale(environ) in ("C", "POSIX"):
        return False
    return _is_utf8(environ) or not _multiplexer(environ)


_COERCED = ("C.UTF-8", "C.utf8", "UTF-8")
"""What Python sets ``LC_CTYPE`` to in the C locale (PEP 538)."""


def inherited_environ() -> Mapping[str, str]:
    """Return the environment variables with the locale as the shell gave it.

    Python sets ``LC_CTYPE`` in its own environment where it finds the C locale or none.
    """
    environ = dict(os.environ)
    if environ.get("LC_CTYPE") not in _COERCED:
        return environ
    try:
        started_with = Path("/proc/self/environ").read_bytes().split(b"\0")
        was_set = any(variable.startswith(b"LC_CTYPE=C.") for variable in started_with)
        was_set |= b"LC_CTYPE=UTF-8" in started_with
    except OSError:  # only Linux tells; with a locale of UTF-8 this mode is off unless asked for
        asked_for = bool(environ.get("PYTHONUTF8")) or "utf8" in sys._xoptions
        was_set = not sys.flags.utf8_mode or asked_for
    if not was_set:
        del environ["LC_CTYPE"]
    return environ


def _locale(environ: Mapping[str, str]) -> str:
    """Return the locale for characters, in the order of POSIX; empty if none is set."""
    names = (environ.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    return next(filter(None, names), "")


def _is_utf8(environ: Mapping[str, str]) -> bool:
    """Return whether the locale's name says UTF-8, as tmux reads it."""
    name = _locale(environ).lower()
    return "utf-8" in name or "utf8" in name


def _multiplexer(environ: Mapping[str, str]) -> str:
    """Return the multiplexer around the terminal, also on another machine; empty if none."""
    term = environ.get("TERM", "").lower()
    if environ.get("TMUX") or term.startswith("tmux"):
        return "tmux"
    if environ.get("STY"):
        return "screen"
    return "tmux or screen" if term.startswith("screen") else ""


def _advice(environ: Mapping[str, str]) -> str:
    multiplexer = _multiplexer(environ)
    if not multiplexer or _is_utf8(environ):
        return ""
    return (
        f"Drawn in ASCII, as no UTF-8 locale is set: export LC_ALL=C.UTF-8, then start "
        f"{multiplexer} and mnistop again."
    )


def prefer_real_size() -> None:
    """Let the terminal's own size win over ``COLUMNS`` and ``LINES``.

    A shell may have exported them before the window was resized. They count in a pipe, and where
    the terminal does not know its size.
    """
    if columns_of(sys.__stdout__):
        for name in ("COLUMNS", "LINES"):
            os.environ.pop(name, None)


def columns_of(stream: IO[str] | None) -> int:
    """Return the width in cells of the terminal that a stream leads to, 0 if it has none."""
    with suppress(OSError, ValueError, AttributeError):
        size = os.get_terminal_size(stream.fileno())  # type: ignore[union-attr]
        return size.columns if size.lines else 0
    return 0


def fills_erased_cells(environ: Mapping[str, str]) -> bool:
    """Return whether erased cells take the present background (terminfo's `bce`).

    GNU screen gives them its own, whatever `TERM` says within it.
    """
    if "STY" in environ:
        return False
    try:
        import curses
    except ImportError:
        return False
    try:
        curses.setupterm(environ.get("TERM", ""), fd=2)
    except curses.error:  # a terminal that this machine does not know
        return False
    return curses.tigetflag("bce") > 0


def _colors(term: str, environ: Mapping[str, str]) -> int:
    if environ.get("NO_COLOR") or term in ("", "dumb") or term.startswith("vt"):
        return 0
    if term.endswith(("-m", "-mono")):
        return 0
    if term == "linux" or term.endswith("-16color"):
        return 16
    gnu_screen = term.startswith("screen") and "STY" in environ
    direct = environ.get("COLORTERM", "").lower() in ("truecolor", "24bit")
    if term.endswith("-direct") or any(name in term for name in _DIRECT) or direct:
        return 256 if gnu_screen else TRUE_COLOR
    return 256 if "256color" in term else 16


def _dark(colorfgbg: str) -> bool:
    """Read ``COLORFGBG`` (``"foreground;background"`` as ANSI numbers); dark if not set."""
    background = colorfgbg.rpartition(";")[2]
    return background not in ("7", *map(str, range(9, 16)))
