"""A sweep: a row for each combination, and sentences on all."""

from __future__ import annotations

from collections.abc import Sequence

from mnistop.engine.formatting import count
from mnistop.engine.sweep.outcomes import Group
from mnistop.tui.draw.cells import PLAIN, Strip
from mnistop.tui.draw.series import letter
from mnistop.tui.features.sweep.model import SweepModel
from mnistop.tui.text.sweep_table import conclusion, notes, with_scale
from mnistop.tui.text.table import Column, Table
from mnistop.tui.toolkit.list_pane import ListPane
from mnistop.tui.toolkit.pane import LinesPane, OfModel


class SweepTable(OfModel[SweepModel], ListPane[int]):
    """The rows."""

    EXPLANATION = (
        "Each row is a combination of the values that vary, as it was at its best epoch: accuracy "
        "on unseen images once it has finished, validation accuracy and loss, with 95% intervals, "
        "or over several seeds their mean and standard deviation; and whether the learning rate "
        "was too high, too low or right. The best epoch is that of the highest validation "
        "accuracy, which flatters it: the unseen images had no part in that choice. On the right "
        "the accuracies stand on one scale, those on unseen images if all runs have them of "
        "equally many; a cross is the accuracy when every image is attacked."
    )

    near = False
    """True if the scale shows the best rows only."""
    with_letters = False
    """True if the rows have the letters of the curves below them."""

    _fitted: tuple[object, ...] = ()
    """The rows, width, ε and scale that the table is laid out for."""

    @property
    def has_scale(self) -> bool:
        """True if there is room for the scale."""
        return any(column.draw for column in self.table.columns)

    @property
    def position(self) -> int:
        """The row at the cursor."""
        return self._model.position

    @position.setter
    def position(self, position: int) -> None:
        self._model.position = position

    @property
    def items(self) -> range:
        """The rows."""
        return range(len(self._model.groups))

    def title(self) -> str:
        """The sweep, its progress, and the order of the rows."""
        reader = self._model.reader
        if reader is None:
            return "Sweep"
        about = f", {reader.sweep.title}" if reader.sweep.title else ""
        runs = count(len(reader.outcomes), "run")
        return (
            f"Sweep {reader.sweep.words}{about}: {reader.state}, {reader.done:,} of {runs} done, "
            f"{self._model.order}"
        )

    def empty(self) -> str:
        """Return the reason why there are no rows."""
        return self._model.problem or (
            "There are no sweeps yet. A sweep trains every combination of some values, as of "
            "three learning rates, and compares them side by side here: press S to set one up."
        )

    def columns(self, width: int) -> list[Column[int]]:
        """Return the column of the letters; the table has the others."""
        return [
            Column(
                "",
                lambda row: "" if (curve := self._curve(row)) is None else letter(curve),
                width=1,
                style=lambda row: self.palette.line(self._curve(row) or 0),
            )
        ]

    def fit(self, width: int) -> Table[int]:
        """Lay out the columns and the scale again if something has changed."""
        groups, epsilon = self._model.groups, self._model.epsilon
        wanted = (groups, width, epsilon, self.near)
        if self._fitted != wanted:
            self._fitted = wanted
            return with_scale(groups, width, self.terminal, epsilon, self.near, self.columns(width))
        return self.table

    def _curve(self, row: int) -> int | None:
        return self._model.curve_of(self._model.groups[row]) if self.with_letters else None


class SweepFacts(OfModel[SweepModel], LinesPane):
    """The best rows of a sweep, and the settings that all its runs share."""

    DEFAULT_CSS = "SweepFacts { height: 6; }"

    _status = ""
    _described: Sequence[Group] = ()
    """The rows that these texts are about: the best, then the notes."""
    _texts: Sequence[str] = ()

    def show(self, status: str) -> None:
        """Draw the facts.

        Args:
            status: the work that goes on meanwhile; empty for none.
        """
        self._status = status
        self.redraw()

    def title(self) -> str:
        """The chosen row, in words."""
        chosen = self._model.chosen
        if not chosen:
            return "What stands out"
        runs = ", ".join(one.name.rpartition(".")[2] for one in chosen.outcomes if one.name)
        return f"What stands out; the chosen row is run {runs or 'still to come'}"

    def lines(self, width: int, height: int) -> list[Strip]:
        """The best, what is in common, and how the numbers are to be read."""
        if not (groups := self._model.groups):
            return []
        if self._described is not groups:
            self._described, epsilon = groups, self._model.epsilon
            self._texts = [conclusion(groups, epsilon), *notes(groups, epsilon)]
        best, *others = self._texts
        lines = [*self.say(self._status, width), *self.say(best, width, PLAIN)]
        for note in others:
            lines += self.say(note, width)
        return lines[:height]
