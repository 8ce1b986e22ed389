"""The images that pass the filter, a row each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mnistop.engine.analysis.image_filters import OrderName
from mnistop.engine.formatting import loss, percent, with_sign
from mnistop.engine.runs.predictions import NEVER_FIRST, NEVER_LAST, Judgement, Learned
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
