"""Compared runs: a table of results, and of two runs the differences image by image."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from rich.style import Style

from mnistop.engine.analysis.comparison import Duel
from mnistop.engine.config import label_of
from mnistop.engine.formatting import accuracy, count, loss
from mnistop.tui.draw import image
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Grid, Strip, clean, line, short_names
from mnistop.tui.draw.series import letter
from mnistop.tui.session.compared import ComparedRun, Comparison
from mnistop.tui.text.table import Column, Piece, Table
from mnistop.tui.toolkit.list_pane import ListPane
from mnistop.tui.toolkit.pane import ContentPane

_CELL = 4
_GUTTER = 7


_NAMES = 16
"""Cells of a name where there is little room."""


class ComparedTable(ContentPane[Comparison]):
    """A row a run: its numbers at the epoch that is read out, and the settings that differ."""

    EXPLANATION = (
        "Each run at the chosen epoch, with only the settings in which they differ. The test "
        "accuracy is that of the best epoch, on images that the run has not seen; of a run that "
        "another program recorded it is that of the final weights."
    )

    def show(self, content: Comparison | None, status: str = "") -> None:
        """Draw runs on as many lines as they need."""
        super().show(content, status)
        self.on_resize()

    def on_resize(self) -> None:
        """Adapt the number of lines to the new width."""
        if self.content:
            self.set_height(1 + len(self._rows(self.content, self.size.width)))

    def heading(self, content: Comparison) -> str:
        """The epoch that is read out, and a note if no setting differs."""
        same = "" if content.settings else "; their settings are all the same"
        return f"{content.when.capitalize()}{same}"

    def draw(self, content: Comparison, width: int, height: int) -> list[Strip]:
        """The header, the runs, and below them the settings that have no column beside them."""
        return self._rows(content, width)[:height]

    def _rows(self, comparison: Comparison, width: int) -> list[Strip]:
        runs, line_style = comparison.runs, self.palette.line
        at = [(one.images, one.at(comparison.cursor)) for one in runs]
        results = {
            "test acc at best": [_unseen_accuracy(one) for one in runs],
            "best": [str(best.epoch) if (best := one.history.best) else "-" for one in runs],
            "val acc": [accuracy(each.val_acc, images) if each else "-" for images, each in at],
            "val loss": [loss(each.val_loss) if each else "-" for _, each in at],
        }
        if set(results["test acc at best"]) == {"-"}:
            del results["test acc at best"]
        settings = {label_of(name): values for name, values in comparison.settings.items()}
        columns: list[Column[int]] = [
            Column("", letter, style=line_style),
            Column("name", lambda at: runs[at].title, least=_NAMES, left=True, is_name=True, gap=1),
            *(Column[int](head, cells.__getitem__) for head, cells in results.items()),
            *(
                Column[int](head, values.__getitem__, rank=rank, left=True)
                for rank, (head, values) in enumerate(settings.items(), 1)
            ),
        ]
        places = range(len(runs))
        table = Table(columns, width, places, partial(clean, terminal=self.terminal))
        muted = self.palette.muted
        shown = [line(table.header(lambda _: muted), width)]
        shown += [line(table.row(place), width) for place in places]
        for head, values in settings.items():
            if head not in table:
                pieces: list[Piece] = [(f"  {head}:", muted)]
                for place, value in enumerate(values):
                    pieces += [(f"  {letter(place)} ", line_style(place)), (value, None)]
                shown.append(line(pieces, width))
        return shown


def _unseen_accuracy(one: ComparedRun) -> str:
    tested, found = one.history.tested, one.history.test_acc
    return "-" if tested is None or found is None else accuracy(found, tested.images)


def _why_none(comparison: Comparison) -> str:
    if len(comparison.runs) != 2:
        return "Two runs can be compared image by image: mark just two."
    return (
        "These two were not evaluated on the same validation images, or have none recorded at "
        "this epoch: only runs of the same source, samples, validation share and split seed can "
        "be compared image by image."
    )


class MatrixDifference(ContentPane[Comparison]):
    """The first run's confusion matrix less the second's."""

    EXPLANATION = (
        "How many more images the first run puts into a cell than the second; below 0, how many "
        "fewer. On the diagonal more is better, off it fewer."
    )

    def heading(self, content: Comparison) -> str:
        """The two matrices, and the epoch."""
        return f"Confusion matrices: a less b, {content.when}"

    def draw(self, content: Comparison, width: int, height: int) -> list[Strip]:
        """The matrix with signs, and the significance of the whole difference."""
        if not content.duel:
            return self.say(_why_none(content), width)
        names = content.classes
        difference = content.duel.difference(len(names))
        verdict = self.say(_verdict(content.duel), width)
        room = max(0, height - len(verdict) - 1)
        rows, columns = min(len(names), room), min(len(names), max(0, (width - _GUTTER) // _CELL))
        grid = Grid(width, rows + 1)
        grid.put(0, 0, "t\\p", self.palette.muted)
        for column in range(columns):
            name = short_names(names, _CELL - 1, self.terminal, mark=False)[column]
            grid.put(_GUTTER + _CELL * column, 0, f"{name:>{_CELL}}", self.palette.muted)
        for row in range(rows):
            name = short_names(names, _GUTTER - 1, self.terminal)[row]
            grid.put(0, row + 1, f"{name:>{_GUTTER - 1}}", self.palette.muted)
            for column in range(columns):
                value = int(difference[row, column])
                text = f"{value:+d}" if value else "·" if self.terminal.unicode else "."
                style = self._style(value, row == column)
                grid.put(_GUTTER + _CELL * column, row + 1, f"{text:>{_CELL}}", style)
        cut = min(rows, columns) < len(names)
        notice = [f"The first {rows} rows and {columns} columns of {len(names)}."] if cut else []
        return [
            *grid.strips(),
            *verdict,
            *(strip for text in notice for strip in self.say(text, width)),
        ]

    def _style(self, value: int, right: bool) -> Style:
        if not value:
            return self.palette.muted
        return self.palette.good if (value > 0) == right else self.palette.bad


def _verdict(duel: Duel) -> str:
    one, other = len(duel.only_first), len(duel.only_second)
    worth = (
        f"if both were equally good, a difference this large would arise by chance with "
        f"probability {duel.p_value:.2g} (exact McNemar test)"
    )
    verdict = "no significant difference" if duel.p_value > 0.05 else "a significant difference"
    return f"Only a is right on {count(one, 'image')}, only b on {other}: {verdict}: {worth}."


class DuelList(ListPane[tuple[int, int]]):
    """The images that one of two runs gets right and the other wrong."""

    EXPLANATION = "The images that only one of the two runs gets right, and what each predicts."

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal)
        self.comparison = Comparison()

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Return the reason why an action is impossible: nothing lies behind a row."""
        if action == "open":
            return "All that is known of an image is in its row and next to the list."
        return super().why_not(action, parameters)

    def show(self, comparison: Comparison) -> None:
        """Draw two runs."""
        self.comparison = comparison
        self.position = max(0, min(self.position, self.count - 1))
        self.redraw()

    @property
    def items(self) -> list[tuple[int, int]]:
        """Each image, and the run that alone gets it right: 0 or 1."""
        found = self.comparison.duel
        if not found:
            return []
        sides = enumerate((found.only_first, found.only_second))
        return [(int(row), side) for side, rows in sides for row in rows]

    @property
    def chosen(self) -> int | None:
        """The image at the cursor."""
        items = self.items
        return items[self.position][0] if self.position < len(items) else None

    def title(self) -> str:
        """The number of images."""
        return f"Right in only one: {self.count}"

    def empty(self) -> str:
        """Return the reason why there are none."""
        if self.comparison.duel:
            return "Both are right and wrong on the same images."
        return "There are no images to compare."

    def columns(self, width: int) -> list[Column[tuple[int, int]]]:
        """Return number, the run that is right, true class, and both predictions."""
        duel, names = self.comparison.duel, self.comparison.classes
        assert duel

        def name(values: NDArray[np.integer]) -> Callable[[tuple[int, int]], str]:
            return lambda item: short_names(names, 5, self.terminal)[int(values[item[0]])]

        columns: dict[str, tuple[Callable[[tuple[int, int]], str], int]] = {
            "no.": (lambda item: str(item[0]), 4),
            "right": (lambda item: letter(item[1]), 5),
            "true": (name(duel.labels), 5),
            "a pred": (name(duel.first), 6),
            "b pred": (name(duel.second), 6),
        }
        return [
            Column(
                head,
                text,
                width,
                left=head != "no.",
                gap=1,
                style=lambda item: self.palette.line(item[1]),
            )
            for head, (text, width) in columns.items()
        ]


class DuelImage(ContentPane[tuple[ComparedRun, int]]):
    """The image at the cursor of the list: one of those that a run keeps."""

    EMPTY_TITLE = "Image"

    def heading(self, content: tuple[ComparedRun, int]) -> str:
        """The number of the image."""
        return f"Image {content[1]}"

    def draw(self, content: tuple[ComparedRun, int], width: int, height: int) -> list[Strip]:
        """The image as large as there is room for."""
        one, row = content
        started = one.history.started
        shape = started.shape if started else (0, 0)
        pixels = one.run.image(row, shape)
        if pixels is None:
            return self.say("This run keeps no images.", width)
        fits = width >= 2 * shape[1] and height >= shape[0]
        drawn = image.draw(np.asarray(pixels), self.terminal, "large" if fits else "auto")
        return drawn[:height]
