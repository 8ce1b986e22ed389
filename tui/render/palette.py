"""Styles by what they mean, safe for colour-blind eyes.

The tones are those of Okabe and Ito (https://jfly.uni-koeln.de/color/, also in B. Wong, "Points
of view: Color blindness", Nature Methods 8:441, 2011), darkened on a light ground, where they
would be too pale: every one has the contrast with its ground that WCAG 2 asks of text, 4.5:1. What
the 16 ANSI colours look like is up to the terminal; on a light ground its yellow, green and cyan
are mostly too pale, so only curves without a meaning of their own get them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from rich.color import Color
from rich.style import Style

from tui.render.terminal import Terminal

Tone = Literal["train", "val", "good", "bad", "muted", "purple", "blue", "yellow", "green"]
RGB = tuple[int, int, int]

_TONES: dict[Tone, tuple[tuple[RGB, RGB], tuple[int, int]]] = {
    "train": (((86, 180, 233), (0, 95, 160)), (14, 4)),
    "val": (((230, 159, 0), (130, 84, 0)), (11, 5)),
    "good": (((0, 165, 120), (0, 105, 80)), (14, 4)),
    "bad": (((235, 110, 20), (178, 36, 0)), (9, 1)),
    "muted": (((140, 140, 140), (88, 88, 88)), (7, 8)),
    "purple": (((204, 121, 167), (140, 40, 110)), (13, 6)),
    "blue": (((70, 145, 215), (20, 60, 140)), (12, 8)),
    "yellow": (((240, 228, 66), (95, 95, 0)), (15, 2)),
    "green": (((0, 165, 120), (0, 105, 80)), (10, 0)),
}
"""Each tone on a dark and on a light ground: as a triplet, and as one of the ANSI colours."""

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
"""The 16 ANSI colours as the triplets that Rich and Textual downgrade to just these colours.

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
    """What is right."""
    bad: Style
    """What is wrong."""
    muted: Style
    """What steps back: axes, labels, zeros."""
    positive: Style
    """Values above zero."""
    negative: Style
    """Values below zero."""
    best: Style
    """The mark of the best epoch."""
    strong: Style
    """What stands out without a meaning of its own."""
    cursor: Style
    """The cell or column that the cursor is on."""
    lines: tuple[Style, ...]
    """Curves that are neither training nor validation, by number."""

    @classmethod
    def of(cls, terminal: Terminal) -> Palette:
        """The palette for a terminal."""
        return _palette(terminal)

    def line(self, role: Literal["train", "val"] | int) -> Style:
        """The style of a curve: by its name, or its number where many are compared."""
        if role == "train":
            return self.train
        if role == "val":
            return self.val
        return self.lines[role % len(self.lines)]


@lru_cache(maxsize=16)
def _palette(terminal: Terminal) -> Palette:
    cursor = Style(reverse=True)
    strong = Style(bold=True)
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
    tones = _tones(terminal)
    style = {tone: Style(color=Color.from_rgb(*rgb)) for tone, rgb in tones.items()}
    order: tuple[Tone, ...] = ("train", "val", "green", "purple", "blue", "bad", "yellow")
    return Palette(
        train=style["train"],
        val=style["val"],
        good=style["good"],
        bad=style["bad"],
        muted=style["muted"],
        positive=style["train"],
        negative=style["bad"],
        best=style["good"] + strong,
        strong=strong,
        cursor=cursor,
        lines=tuple(style[tone] for tone in order),
    )


def _tones(terminal: Terminal) -> dict[Tone, RGB]:
    ground = 0 if terminal.dark else 1
    if terminal.colors >= 256:
        return {tone: exact[ground] for tone, (exact, _) in _TONES.items()}
    return {tone: ANSI_RGB[ansi[ground]] for tone, (_, ansi) in _TONES.items()}
