"""The lists of the mistakes screen: images, classes, and which classes are taken for which."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.style import Style

from mnistop.engine.evaluate import ClassScore, Confusion, class_report, confused_pairs
from mnistop.engine.formatting import loss, percent, with_sign
from mnistop.engine.runs.predictions import NEVER_FIRST, NEVER_LAST
from mnistop.tui.draw import bars
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Strip, short_names
from mnistop.tui.features.mistakes.model import ImageListModel
from mnistop.tui.text.table import Column, Item, Piece, cell_count
from mnistop.tui.toolkit.list_pane import ListPane
from mnistop.tui.toolkit.pane import OfModel

_WHAT = {"wrong": "Mistakes", "right": "Right", "all": "Images"}
_NAME_WIDTH = 8
_CLASS_WIDTH = 12
_COUNTS = 14
"""Cells of the number of times and the share of a pair, with the gaps before them."""
_SCORES, _LEAST_NAME = 27, 5
"""Cells of precision, recall and F1 with the gaps before them, and the fewest for a class."""
_SHORTEST_BAR, _LONGEST_BAR = 6, 30


def _epoch(epoch: int) -> str:
    return "never" if epoch in (NEVER_FIRST, NEVER_LAST) else str(epoch)


def _bar(
    head: str, share: Callable[[Item], float], style: Style, terminal: Terminal
) -> Column[Item]:
    """Return a column of bars for shares in [0, 1], where there is room for them."""

    def draw(item: Item | None, width: int) -> list[Piece]:
        return [(bars.bar(share(item), width, terminal), style)] if item is not None else []

    return Column(head, width=_LONGEST_BAR, least=_SHORTEST_BAR, rank=1, left=True, draw=draw)


class MistakeList(OfModel[ImageListModel], ListPane[int]):
    """The list of the mistakes screen."""

    EXPLANATION = (
        "Each row is a validation image: its number, its true class → the predicted class, and "
        "the model's confidence in it. Loss is minus the logarithm of the true class's "
        "probability; margin is that probability minus the highest other one; first and last are "
        "the first and the last epoch in which it was classified correctly."
    )

    def __init__(self, terminal: Terminal, model: ImageListModel) -> None:
        super().__init__(terminal, model)
        self._rows: dict[tuple[int, bool], Strip] = {}
        """The rows drawn so far, by image and whether it is the chosen one."""
        self._rows_of: tuple[object, ...] = ()
        """The predictions, order and width that these rows were drawn for."""

    def show(self) -> None:
        """Draw what is browsed now."""
        self.position = self._model.position
        self.redraw()

    @property
    def items(self) -> Sequence[int]:
        """The images that pass the filter, in order."""
        return self._model.rows  # type: ignore[return-value]  # an array, indexed as a list

    @property
    def order(self) -> str:
        """The head of the column that the order goes by."""
        name = self._model.order.name
        return "conf" if name == "confidence" else name

    @property
    def marks(self) -> bool:
        """False while the chosen image is not in the list."""
        return self._model.listed

    def _go(self, position: int) -> None:
        if self.count:  # the screen draws the list and the image, both at once
            self._model.go(position)
            self.position = self._model.position
            self.post_message(self.Moved(self, self.position))
        else:
            self.notify(self.empty(), markup=False)

    def title(self) -> str:
        """The number of images of all, the epoch and the order, as far as there is room."""
        model = self._model
        what = _WHAT[model.filter.kind]
        if model.predictions is None:
            return what
        count, total, order = self.count, len(model.predictions), model.order.short
        texts = (
            f"{what} {count} of {total}, {model.when}, {order}",
            f"{what} {count}/{total}, {model.when}, {order}",
            f"{what} {count}/{total}, {order}",
            f"{count}/{total} {order}",
        )
        fitting = (text for text in texts if len(text) <= self.size.width - 4)
        return next(fitting, f"{count}/{total}")

    def empty(self) -> str:
        """Return the reason why the list is empty."""
        return self._model.empty

    def row(self, index: int, width: int, chosen: bool) -> Strip:
        """One image."""
        model = self._model
        of = (model.predictions, model.learning_times, model.order, width)
        if of != self._rows_of:
            self._rows, self._rows_of = {}, of
        key = int(model.rows[index]), chosen
        drawn = self._rows.get(key)
        if drawn is None:
            drawn = self._rows[key] = super().row(index, width, chosen)
        return drawn

    def _outcome(self, *classes: int) -> str:
        """Name the true and the predicted class."""
        short = short_names(self._model.names, _NAME_WIDTH, self.terminal)
        true, predicted = (short[each] for each in classes)
        if len(set(classes)) == 1:
            return f"{true} ✓"
        return f"{true}→{predicted}"

    def columns(self, width: int) -> list[Column[int]]:
        """Return the numbers of the images, their classes, and what else there is room for.

        What the order goes by has room first.
        """
        epoch, learning_times = self._model.predictions, self._model.learning_times
        assert epoch
        assert learning_times
        shown = short_names(self._model.names, _NAME_WIDTH, self.terminal)
        names = max(map(cell_count, shown))
        head = "true→pred" if names >= 4 else "t→p"
        good, bad, muted = self.palette.good, self.palette.bad, self.palette.muted
        numbers: dict[str, tuple[int, Callable[[int], str]]] = {
            "conf": (6, lambda row: percent(float(epoch.confidence[row]))),
            "loss": (6, lambda row: loss(float(epoch.loss[row]))),
            "first": (5, lambda row: _epoch(int(learning_times.first[row]))),
            "last": (5, lambda row: _epoch(int(learning_times.last[row]))),
            "margin": (6, lambda row: with_sign(float(epoch.margin[row]))),
        }
        return [
            Column("no.", str, max(3, len(str(len(epoch) - 1))), style=lambda _: muted),
            Column(
                head,
                lambda row: self._outcome(epoch.labels[row], epoch.predicted[row]),
                max(4, 2 * names + 1),
                left=True,
                style=lambda row: good if epoch.right[row] else bad,
            ),
            *(
                Column(head, text, width, 1 if head == self.order else 1 + rank, gap=1)
                for rank, (head, (width, text)) in enumerate(numbers.items(), 1)
            ),
        ]


class ClassTable(OfModel[ImageListModel], ListPane[int]):
    """Precision, recall, F1 and support of each class."""

    EXPLANATION = (
        "Precision: of the images predicted as this class, the share that belong to it. Recall: "
        "of the images of this class, the share that is classified correctly. F1 is the harmonic "
        "mean of both, support the number of images. A dash means there is nothing to divide by: "
        "a class that is never predicted has no precision. Enter shows the mistakes of a class."
    )

    _scores: Sequence[ClassScore] = ()

    def show(self) -> None:
        """Draw the scores of the shown epoch."""
        matrix = self._model.matrix
        self._scores = [] if matrix is None else class_report(matrix)
        self.position = max(0, min(self.position, len(self._scores) - 1))
        self.redraw()

    @property
    def items(self) -> range:
        """The classes."""
        return range(len(self._scores))

    @property
    def marks(self) -> bool:
        """True while the keys go here."""
        return self.has_focus

    def title(self) -> str:
        """The name of the list, and the epoch."""
        return f"Classes, {self._model.when}" if self._scores else "Classes"

    def empty(self) -> str:
        """Return the reason why there are none."""
        return self._model.empty

    def columns(self, width: int) -> list[Column[int]]:
        """The name, the scores, and a bar where there is room."""
        room = max(_LEAST_NAME, min(_CLASS_WIDTH, width - _SCORES))
        names = short_names(self._model.names, room, self.terminal)
        scores = self._scores
        train = self.palette.train
        return [
            Column("", names.__getitem__, max(_LEAST_NAME, *map(cell_count, names))),
            Column("precision", lambda each: self._share(scores[each].precision), 9),
            Column("recall", lambda each: self._share(scores[each].recall), 6),
            Column("F1", lambda each: self._share(scores[each].f1), 6),
            Column("support", lambda each: str(scores[each].support), 7, gap=1, rank=1),
            _bar("F1", lambda each: scores[each].f1 or 0.0, train, self.terminal),
        ]

    def _share(self, share: float | None) -> str:
        return "–" if share is None else percent(share)


class PairList(OfModel[ImageListModel], ListPane[Confusion]):
    """Pairs of true and predicted class, the most frequent confusion first."""

    EXPLANATION = (
        "How often the images of one class are taken for another, the most frequent first. Enter "
        "shows them."
    )

    _pairs: Sequence[Confusion] = ()
    _support: Sequence[int] = ()
    """The number of images of each class."""

    def show(self) -> None:
        """Draw the pairs of the shown epoch."""
        matrix = self._model.matrix
        self._pairs = [] if matrix is None else confused_pairs(matrix)
        self._support = [] if matrix is None else matrix.sum(1).tolist()
        self.position = max(0, min(self.position, len(self._pairs) - 1))
        self.redraw()

    @property
    def items(self) -> Sequence[Confusion]:
        """The different confusions."""
        return self._pairs

    @property
    def marks(self) -> bool:
        """True while the keys go here."""
        return self.has_focus

    def title(self) -> str:
        """The name of the list."""
        return "Most confused pairs"

    def empty(self) -> str:
        """Return the reason why the list is empty."""
        return "No class is taken for another." if self._support else ""

    def columns(self, width: int) -> list[Column[Confusion]]:
        """The two classes, how many images, their share of the class, and a bar."""
        room = min(_CLASS_WIDTH, (width - _COUNTS - len(" → ")) // 2)
        names = short_names(self._model.names, room, self.terminal)
        most = self._pairs[0].count
        return [
            Column(
                "true→pred",
                lambda pair: f"{names[pair.true]} → {names[pair.predicted]}",
                max(9, 2 * max(map(cell_count, names)) + 3),
                left=True,
            ),
            Column("times", lambda pair: str(pair.count), 5, gap=1),
            Column("share", lambda pair: f"{pair.count / self._support[pair.true]:.1%}", 6),
            _bar("of the class", lambda pair: pair.count / most, self.palette.bad, self.terminal),
        ]
