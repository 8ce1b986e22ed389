"""What the terminal can show: colours, Unicode, and which ground it draws on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

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
                ``COLORFGBG``, ``STY`` and ``LC_ALL`` are looked at.
            encoding: The encoding of the stream that is written to.
            force_ascii: Whether to use ASCII even where Unicode could be shown.
            light: Whether the ground is light, if that was said. Terminals are not asked: over a
                slow line the answer would come late and be taken for keys.

        Returns:
            The terminal. An unset ``TERM`` and ``TERM=dumb`` have neither colour nor Unicode.
        """
        term = environ.get("TERM", "").lower()
        basic = term in ("", "dumb", "linux") or term.startswith("vt")
        return cls(
            colors=_colors(term, environ),
            unicode=takes_unicode(environ, encoding) and not basic and not force_ascii,
            dark=_dark(environ.get("COLORFGBG", "")) if light is None else not light,
        )

    @property
    def images(self) -> Literal["half", "ascii"]:
        """How images are drawn unless the user chose: by half blocks or by an ASCII ramp."""
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
    """Whether more than ASCII is wanted where a stream leads to.

    Args:
        environ: The environment variables.
        encoding: That of the stream. In the C locale Python makes it UTF-8, for want of knowledge
            (PEP 540); ``LC_ALL=C`` says that ASCII is meant.
    """
    utf8 = (encoding or "").lower().replace("-", "").replace("_", "") == "utf8"
    return utf8 and environ.get("LC_ALL") not in ("C", "POSIX")


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
    """Read ``COLORFGBG`` (``"foreground;background"`` as ANSI numbers); dark if not said."""
    background = colorfgbg.rpartition(";")[2]
    return background not in ("7", *map(str, range(9, 16)))
