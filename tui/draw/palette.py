"""Styles by their meaning, safe for colour-blind eyes.

The tones are those of Okabe and Ito (https://jfly.uni-koeln.de/color/, also in B. Wong, "Points
of view: Color blindness", Nature Methods 8:441, 2011), darkened on a light ground, where they
would be too pale: every one has the contrast with its ground that WCAG 2 asks of text, 4.5:1. What
the 16 ANSI colours look like is up to the terminal; on a light ground its yellow, green and cyan
are mostly too pale, so only curves without a meaning of their own get them.

The colours of compared curves begin with those of training and validation. The other six are
entries of the 256-colour palette, chosen by search so that the least CIEDE2000 difference between
any two is large, also as seen with a missing kind of cones (Machado et al., "A
Physiologically-based Model for Simulation of Color Vision Deficiency", IEEE TVCG 15:6, 2009).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from rich.color import Color
from rich.style import Style

from mnistop.tui.draw.capabilities import Terminal

Tone = Literal["train", "val", "good", "bad", "muted"]
RGB = tuple[int, int, int]

_TONES: dict[Tone, tuple[tuple[RGB, RGB], tuple[int, int]]] = {
    "train": (((86, 180, 233), (0, 95, 160)), (14, 4)),
    "val": (((230, 159, 0), (130, 84, 0)), (11, 5)),
    "good": (((0, 165, 120), (0, 105, 80)), (14, 4)),
    "bad": (((235, 110, 20), (178, 36, 0)), (9, 1)),
    "muted": (((140, 140, 140), (88, 88, 88)), (7, 8)),
}
"""Each tone on a dark and on a light ground: as a triplet, and as one of the ANSI colours."""

_CURVES: tuple[tuple[tuple[RGB, RGB], tuple[int, int]], ...] = (
    _TONES["train"],
    _TONES["val"],
    (((215, 95, 95), (175, 0, 95)), (9, 1)),
    (((135, 215, 135), (0, 0, 175)), (2, 2)),
    (((215, 255, 0), (95, 0, 0)), (13, 0)),
    (((175, 255, 255), (68, 68, 68)), (12, 8)),
    (((148, 148, 148), (95, 0, 95)), (7, 9)),
    (((255, 255, 215), (0, 0, 0)), (3, 12)),
)
"""The colours of compared curves, as above."""

ANSI_RGB: tuple[RGB, ...] = (
    (0, 0, 0),
    (170, 0, 0),
    (0, 170, 0),
    (170, 85, 0),
    (0, 0, 170),
    (170, 0, 170),
    (0, 170, 170),
    (170, 170, 170),
    (85, 85, 85),
    (255, 85, 85),
    (85, 255, 85),
    (255, 255, 85),
    (85, 85, 255),
    (255, 85, 255),
    (85, 255, 255),
    (255, 255, 255),
)
"""The 16 ANSI colours as triplets that Rich and Textual downgrade to exactly these colours.

A colour given by its ANSI name does not survive Textual, which first turns it into a theme's
triplet (red becomes magenta); a triplet from this table does.
"""


@dataclass(frozen=True)
class Palette:
    """The styles of one terminal. Without colour they are bold, dim, reverse or nothing."""

    train: Style
    """Training curves and numbers."""
    val: Style
    """Validation curves and numbers."""
    good: Style
    """Correct values."""
    bad: Style
    """Wrong values."""
    muted: Style
    """The background of a picture: axes, labels, zeros."""
    positive: Style
    """Values above zero."""
    negative: Style
    """Values below zero."""
    best: Style
    """The mark of the best epoch."""
    strong: Style
    """Emphasis without a meaning of its own."""
    cursor: Style
    """The cell or column that the cursor is on."""
    lines: tuple[Style, ...]
    """Curves that are neither training nor validation, by number."""

    @classmethod
    def of(cls, terminal: Terminal) -> Palette:
        """Return the palette for a terminal."""
        return _palette(terminal)

    def line(self, role: Literal["train", "val"] | int) -> Style:
        """Return the style of a curve: by its name, or its number where many are compared."""
        if isinstance(role, str):
            return self.train if role == "train" else self.val
        return self.lines[role % len(self.lines)]


@lru_cache(maxsize=16)
def _palette(terminal: Terminal) -> Palette:
    cursor, strong = Style(reverse=True), Style(bold=True)
    if terminal.colors == 0:
        none = Style.null()
        return Palette(
            train=none,
            val=strong,
            good=none,
            bad=strong,
            muted=Style(dim=True),
            positive=strong,
            negative=none,
            best=strong,
            strong=strong,
            cursor=cursor,
            lines=(none, strong),
        )
    style = {tone: _style(terminal, *shades) for tone, shades in _TONES.items()}
    return Palette(
        **style,
        positive=style["train"],
        negative=style["bad"],
        best=style["good"] + strong,
        strong=strong,
        cursor=cursor,
        lines=tuple(_style(terminal, *shades) for shades in _CURVES),
    )


def _style(terminal: Terminal, exact: tuple[RGB, RGB], ansi: tuple[int, int]) -> Style:
    ground = 0 if terminal.dark else 1
    rgb = exact[ground] if terminal.colors >= 256 else ANSI_RGB[ansi[ground]]
    return Style(color=Color.from_rgb(*rgb))
