"""The validation images that are gone through on the attack screen, with what fools each."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.analysis.robustness import Robustness
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import line, shorten
from mnistop.tui.draw.strip import Strip
from mnistop.tui.text.attack_words import SEARCHED_BY, at_least, at_most
from mnistop.tui.toolkit.list_pane import ListPane

_NAME_WIDTH = 9


class FragileList(ListPane):
    """A row an image: its class, up to where it is safe, and from where it is fooled.

    Args:
        terminal: what the terminal can show.
    """

    EXPLANATION = (
        "The images in the order chosen with o. Below the first ε the image is proven safe; at "
        f"the second, {SEARCHED_BY} fooled the model. A dash means not measured yet, or never."
    )

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal)
        self._rows: NDArray[np.intp] = np.empty(0, np.intp)
        self._labels: NDArray[np.integer] = np.empty(0, np.intp)
        self._names: tuple[str, ...] = ()
        self._known: Robustness | None = None
        self._order = ""
        self._listed = False
        self._nothing = ""
        self._shown: tuple[object, ...] = ()

    def show(
        self,
        rows: NDArray[np.intp],
        labels: NDArray[np.integer],
        names: tuple[str, ...],
        known: Robustness | None,
        chosen: int | None,
        order: str,
        nothing: str,
    ) -> None:
        """Draws the list.

        Args:
            rows: the images, in order.
            labels: true classes of all validation images.
            names: of the classes.
            known: what has been measured.
            chosen: the image that is attacked, or None.
            order: in words.
            nothing: what to say where there are no images.
        """
        shown = (names, known, chosen, order, nothing)
        if shown == self._shown and np.array_equal(rows, self._rows) and labels is self._labels:
            return
        self._shown = shown
        self._rows, self._labels, self._names, self._known = rows, labels, names, known
        self._order, self._nothing = order, nothing
        place = np.flatnonzero(rows == chosen) if chosen is not None else np.empty(0, np.intp)
        self._listed = bool(len(place))
        if self._listed:
            self.position = int(place[0])
        self.position = max(0, min(self.position, len(rows) - 1))
        self.redraw()

    @property
    def count(self) -> int:
        """How many images there are."""
        return len(self._rows)

    @property
    def marks(self) -> bool:
        """Not while the attacked image is not in the list."""
        return self._listed

    def title(self) -> str:
        """How many, and in which order."""
        return f"{self.count:,} images, {self._order}" if self.count else "Images"

    def empty(self) -> str:
        """Why there are none."""
        return self._nothing

    def header(self, width: int) -> Strip:
        """The names of the columns."""
        text = f"{'no.':>5}  {'class':<{_NAME_WIDTH}}{'safe':>6}{'fooled':>8}"
        return line([(text, self.palette.muted)], width)

    def row(self, index: int, width: int, chosen: bool) -> Strip:
        """One image."""
        row = int(self._rows[index])
        name = shorten(self._names[self._labels[row]], _NAME_WIDTH - 1, self.terminal)
        safe = fooled = "–" if self.terminal.unicode else "-"
        if self._known is not None and row < self._known.done:
            safe = at_least(self._known.certified[row], 3)
            if math.isfinite(found := self._known.found[row]):
                fooled = at_most(found, 3)
        pieces = [
            (f"{row:>5}  ", self.palette.muted),
            (f"{name:<{_NAME_WIDTH}}", None),
            (f"{safe:>6}", self.palette.good),
            (f"{fooled:>8}", self.palette.bad),
        ]
        if chosen:
            return line(
                [("".join(text for text, _ in pieces).ljust(width), self.palette.cursor)], width
            )
        return line(pieces, width)
