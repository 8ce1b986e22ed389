"""How well each class is told from the others, and which are taken for which."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.evaluate import ClassScore, Confusion, class_report, confused_pairs
from mnistop.engine.formatting import percent
from mnistop.tui.draw import bars
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import line, shorten
from mnistop.tui.draw.strip import Strip
from mnistop.tui.toolkit.list_pane import ListPane

_SHORTEST_BAR, _LONGEST_BAR = 6, 30
_NAME_WIDTH = 12


class ClassTable(ListPane):
    """Precision, recall, F1 and support of each class.

    Args:
        terminal: what the terminal can show.
    """

    EXPLANATION = (
        "Precision: of the images predicted as this class, the share that belong to it. Recall: "
        "of the images of this class, the share that is classified correctly. F1 is the harmonic "
        "mean of both, support the number of images. A dash means there is nothing to divide by: "
        "a class that is never predicted has no precision. Enter shows the mistakes of a class."
    )

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal)
        self._scores: list[ClassScore] = []
        self._names: tuple[str, ...] = ()
        self._nothing = ""
        self._when = ""

    def show(
        self, matrix: NDArray[np.integer] | None, names: tuple[str, ...], when: str, nothing: str
    ) -> None:
        """Draws the scores.

        Args:
            matrix: counts, `(classes, classes)`: rows true; None if there are none.
            names: of the classes.
            when: the epoch, in words.
            nothing: what to say where there are none.
        """
        self._scores = [] if matrix is None else class_report(matrix)
        self._names, self._when, self._nothing = names, when, nothing
        self.position = max(0, min(self.position, len(self._scores) - 1))
        self.redraw()

    @property
    def count(self) -> int:
        """How many classes there are."""
        return len(self._scores)

    def title(self) -> str:
        """What, and of when."""
        return f"Classes, {self._when}" if self._scores else "Classes"

    def empty(self) -> str:
        """Why there are none."""
        return self._nothing

    def header(self, width: int) -> Strip:
        """The names of the columns."""
        text = f"{'':{self._name_width}}  precision  recall     F1 support"
        bar = "  F1" if self._bar_room(width, text) else ""
        return line([(text + bar, self.palette.muted)], width)

    def row(self, index: int, width: int, chosen: bool) -> Strip:
        """One class."""
        score = self._scores[index]
        name = shorten(self._names[index], _NAME_WIDTH, self.terminal)
        shares = [self._share(part) for part in (score.precision, score.recall, score.f1)]
        text = (
            f"{name:>{self._name_width}}  {shares[0]:>9} {shares[1]:>7} {shares[2]:>6} "
            f"{score.support:>7}"
        )
        room = self._bar_room(width, text)
        bar = f"  {bars.bar(score.f1 or 0.0, room, self.terminal)}" if room else ""
        if chosen and self.has_focus:
            return line([((text + bar).ljust(width), self.palette.cursor)], width)
        return line([(text, None), (bar, self.palette.train)], width)

    @staticmethod
    def _bar_room(width: int, text: str) -> int:
        """Cells for a bar beside a row's text; 0 where a bar would be too short."""
        room = min(_LONGEST_BAR, width - len(text) - 2)
        return room if room >= _SHORTEST_BAR else 0

    @property
    def _name_width(self) -> int:
        return max(
            len(shorten(name, _NAME_WIDTH, self.terminal)) for name in (*self._names, "class")
        )

    def _share(self, share: float | None) -> str:
        if share is None:
            return "–" if self.terminal.unicode else "-"
        return percent(share)


class PairList(ListPane):
    """Which classes are taken for which, the most frequent first.

    Args:
        terminal: what the terminal can show.
    """

    EXPLANATION = (
        "How often the images of one class are taken for another, the most frequent first. Enter "
        "shows them."
    )

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal)
        self._pairs: list[Confusion] = []
        self._support: list[int] = []
        self._names: tuple[str, ...] = ()

    def show(self, matrix: NDArray[np.integer] | None, names: tuple[str, ...]) -> None:
        """Draws the pairs.

        Args:
            matrix: counts, `(classes, classes)`: rows true; None if there are none.
            names: of the classes.
        """
        self._pairs = [] if matrix is None else confused_pairs(matrix)
        self._support = [] if matrix is None else matrix.sum(1).tolist()
        self._names = names
        self.position = max(0, min(self.position, len(self._pairs) - 1))
        self.redraw()

    def pair(self, index: int) -> Confusion:
        """One of them."""
        return self._pairs[index]

    @property
    def count(self) -> int:
        """How many different confusions there are."""
        return len(self._pairs)

    def title(self) -> str:
        """What."""
        return "Most confused pairs"

    def empty(self) -> str:
        """That there are none."""
        return "No class is taken for another." if self._support else ""

    def header(self, width: int) -> Strip:
        """The names of the columns."""
        arrow = "→" if self.terminal.unicode else ">"
        text = f"{f'true{arrow}pred':<{self._pair_width}} times   share of the class"
        return line([(text, self.palette.muted)], width)

    def row(self, index: int, width: int, chosen: bool) -> Strip:
        """One pair."""
        pair = self._pairs[index]
        names = [
            shorten(self._names[each], _NAME_WIDTH, self.terminal)
            for each in (pair.true, pair.predicted)
        ]
        said = (" → " if self.terminal.unicode else " > ").join(names)
        share = pair.count / self._support[pair.true]
        text = f"{said:<{self._pair_width}} {pair.count:5d}  {share:6.1%}"
        if chosen and self.has_focus:
            return line([(text.ljust(width), self.palette.cursor)], width)
        room = width - len(text) - 2
        bar = bars.bar(pair.count / self._pairs[0].count, min(room, 30), self.terminal)
        return line([(text, None), (f"  {bar}", self.palette.bad)], width)

    @property
    def _pair_width(self) -> int:
        longest = max(len(shorten(name, _NAME_WIDTH, self.terminal)) for name in self._names)
        return max(9, 2 * longest + 3)
