"""The lists of the mistakes screen: images, classes, and which classes are taken for which."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.analysis.image_orders import OrderName
from mnistop.engine.evaluate import ClassScore, Confusion, class_report, confused_pairs
from mnistop.engine.formatting import loss, percent, with_sign
from mnistop.engine.runs.predictions import NEVER_FIRST, NEVER_LAST, Judgement, Learned
from mnistop.tui.draw import bars
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import line, shorten
from mnistop.tui.draw.strip import Strip
from mnistop.tui.features.mistakes.model import Browsing
from mnistop.tui.toolkit.list_pane import ListPane

_WHAT = {"wrong": "Mistakes", "right": "Right", "all": "Images"}
_NAME_WIDTH = 8


@dataclass(frozen=True)
class _Column:
    """A column of numbers that is there where the list is wide enough."""

    order: OrderName
    """The order that goes by it."""
    head: str
    width: int
    text: Callable[[Judgement, Learned, int], str]


_COLUMNS = (
    _Column("confidence", "conf", 7, lambda judged, _, row: percent(judged.confidence[row])),
    _Column("loss", "loss", 7, lambda judged, _, row: loss(judged.loss[row])),
    _Column("first", "first", 6, lambda _, learned, row: _first(int(learned.first[row]))),
    _Column("last", "last", 6, lambda _, learned, row: _last(int(learned.last[row]))),
    _Column("margin", "margin", 7, lambda judged, _, row: with_sign(judged.margin[row])),
)


def _first(epoch: int) -> str:
    return "never" if epoch == NEVER_FIRST else str(epoch)


def _last(epoch: int) -> str:
    return "never" if epoch == NEVER_LAST else str(epoch)


class MistakeList(ListPane):
    """The list of the mistakes screen.

    Args:
        terminal: what the terminal can show.
        browsing: what it shows.
    """

    EXPLANATION = (
        "Each row is a validation image: its number, its true class → the predicted class, and "
        "the model's confidence in it. Loss is minus the logarithm of the true class's "
        "probability; margin is that probability minus the highest other one; first and last are "
        "the first and the last epoch in which it was classified correctly."
    )

    def __init__(self, terminal: Terminal, browsing: Browsing) -> None:
        super().__init__(terminal)
        self._browsing = browsing
        self._rows: dict[tuple[int, bool], Strip] = {}
        """The rows drawn so far, by image and whether it is the chosen one."""
        self._rows_of: tuple[object, ...] = ()
        """What these rows are of."""
        self._row_layout: tuple[int, int, list[_Column]] = (0, 0, [])

    def show(self) -> None:
        """Draws what is browsed now."""
        self.position = self._browsing.position
        self.redraw()

    @property
    def count(self) -> int:
        """How many images pass the filter."""
        return len(self._browsing.rows)

    @property
    def marks(self) -> bool:
        """Not while the chosen image is not in the list."""
        return self._browsing.listed

    def _go(self, position: int) -> None:
        if self.count:  # the screen draws the list and the image, both at once
            self._browsing.go(position)
            self.position = self._browsing.position
            self.post_message(self.Moved(self, self.position))
        else:
            self.notify(self.empty(), markup=False)

    def title(self) -> str:
        """How many pass, of how many, when, and in which order, as far as there is room."""
        browsing = self._browsing
        what = _WHAT[browsing.filter.kind]
        if browsing.judgement is None:
            return what
        count, total, order = self.count, len(browsing.judgement), browsing.order.short
        texts = (
            f"{what} {count} of {total}, {browsing.when}, {order}",
            f"{what} {count}/{total}, {browsing.when}, {order}",
            f"{what} {count}/{total}, {order}",
            f"{count}/{total} {order}",
        )
        fitting = (text for text in texts if len(text) <= self.size.width - 4)
        return next(fitting, f"{count}/{total}")

    def empty(self) -> str:
        """Why the list is empty."""
        return self._browsing.empty

    def header(self, width: int) -> Strip:
        """The names of the columns that there is room for."""
        number, names, columns = self._layout(width)
        arrow = "→" if self.terminal.unicode else ">"
        text = f"{'no.':>{number}}  {f'true{arrow}pred' if names >= 9 else f't{arrow}p':<{names}}"
        pieces = [(text, self.palette.muted)]
        for column in columns:
            chosen = column.order == self._browsing.order.name
            style = self.palette.strong if chosen else self.palette.muted
            pieces.append((f"{column.head:>{column.width}}", style))
        return line(pieces, width)

    def row(self, index: int, width: int, chosen: bool) -> Strip:
        """One image."""
        browsing = self._browsing
        of = (browsing.judgement, browsing.learned, browsing.order, width)
        if of != self._rows_of:
            self._rows, self._rows_of, self._row_layout = {}, of, self._layout(width)
        key = int(browsing.rows[index]), chosen
        drawn = self._rows.get(key)
        if drawn is None:
            drawn = self._rows[key] = self._draw_row(*key, width)
        return drawn

    def _draw_row(self, row: int, chosen: bool, width: int) -> Strip:
        judged, learned = self._browsing.judgement, self._browsing.learned
        assert judged
        assert learned
        number, names, columns = self._row_layout
        true, predicted = int(judged.labels[row]), int(judged.predictions[row])
        right = true == predicted
        said = self._taken(true, predicted).ljust(names)
        rest = "".join(f"{each.text(judged, learned, row):>{each.width}}" for each in columns)
        if chosen:
            return line(
                [(f"{row:>{number}}  {said}{rest}".ljust(width), self.palette.cursor)], width
            )
        style = self.palette.good if right else self.palette.bad
        return line(
            [(f"{row:>{number}}  ", self.palette.muted), (said, style), (rest, None)], width
        )

    def _taken(self, true: int, predicted: int) -> str:
        names = [
            shorten(self._browsing.names[index], _NAME_WIDTH, self.terminal)
            for index in (true, predicted)
        ]
        if true == predicted:
            return f"{names[0]} {'✓' if self.terminal.unicode else 'ok'}"
        return ("→" if self.terminal.unicode else ">").join(names)

    def _layout(self, width: int) -> tuple[int, int, list[_Column]]:
        """The width of the number, that of the classes, and the columns: those of the order first
        where not all have room.
        """
        judgement = self._browsing.judgement
        number = max(3, len(str(len(judgement or ()) - 1)))
        longest = max(
            len(shorten(name, _NAME_WIDTH, self.terminal)) for name in self._browsing.names
        )
        names = max(4, 2 * longest + 1)
        room = width - number - 2 - names
        order = self._browsing.order.name
        kept = []
        for column in sorted(_COLUMNS, key=lambda each: each.order != order):
            if column.width <= room:
                room -= column.width
                kept.append(column)
        return number, names, [column for column in _COLUMNS if column in kept]


_SHORTEST_BAR, _LONGEST_BAR = 6, 30
_CLASS_WIDTH = 12


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
        name = shorten(self._names[index], _CLASS_WIDTH, self.terminal)
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
            len(shorten(name, _CLASS_WIDTH, self.terminal)) for name in (*self._names, "class")
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
            shorten(self._names[each], _CLASS_WIDTH, self.terminal)
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
        longest = max(len(shorten(name, _CLASS_WIDTH, self.terminal)) for name in self._names)
        return max(9, 2 * longest + 3)
