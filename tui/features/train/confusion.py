"""The confusion matrix on the validation images, with a cursor on its cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events

from mnistop.tui.draw.cells import Strip
from mnistop.tui.session.state import State
from mnistop.tui.session.view import ScreenWanted
from mnistop.tui.text.run_lines import epoch_name
from mnistop.tui.toolkit.bindings import bindings, hidden, key
from mnistop.tui.toolkit.pane import LinesPane

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mnistop.tui.draw.matrix import ConfusionMatrix


class Confusion(LinesPane, can_focus=True):
    """Rows are true classes, columns predicted ones."""

    BINDINGS = bindings(
        "matrix",
        key("up", "up,k", "move(-1, 0)", "Cell", "To another cell; say what it holds", "←↑↓→"),
        hidden("down", "down,j", "move(1, 0)", "Down", "To the next true class"),
        hidden("left", "left,h", "move(0, -1)", "Left", "To the previous predicted class"),
        hidden("right", "right,l", "move(0, 1)", "Right", "To the next predicted class"),
        key("cell", "enter", "open('cell')", "Images", "The images behind this cell"),
        key("row", "t", "open('row')", "Row", "All images of this true class, a row of the matrix"),
        key("column", "c", "open('column')", "Column", "All images predicted as this class"),
    )

    EXPLANATION = (
        "Each row holds the images of one true class, each column what they were predicted as; "
        "the diagonal is correct. Recall is the share of a row that is correct."
    )

    matrix: NDArray[np.int64] | None = None
    """Counts, `(classes, classes)`: rows true; None while there are none."""
    state = State()
    cell: tuple[int, int] | None = None
    _drawn: ConfusionMatrix | None = None

    def show(self, matrix: NDArray[np.int64] | None, state: State) -> None:
        """Draw a matrix.

        Args:
            matrix: counts, `(classes, classes)`: rows true; None while there are none.
            state: the run and the epoch that they are of.
        """
        self.matrix, self.state = matrix, state
        if self.cell and max(self.cell) >= len(self.names):
            self.cell = None
        self._start()
        self.redraw()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.state.class_names

    def title(self) -> str:
        """The cell under the cursor, or how many are wrong."""
        if self.matrix is None:
            return "Confusion matrix"
        if self.cell and self.has_focus:
            true, predicted = self.cell
            count = self.matrix[self.cell]
            names = self.names
            return (
                f"{count} of {self.matrix[true].sum()} {names[true]}s taken for {names[predicted]}"
            )
        total = self.matrix.sum()
        when = epoch_name(self.state.shown_epoch)
        return f"Confusion matrix, {when}: {total - self.matrix.trace()} of {total} wrong"

    def lines(self, width: int, height: int) -> list[Strip]:
        """The matrix, or what will fill the pane."""
        if self.matrix is None:
            self._drawn = None
            return self.say(f"Which class is taken for which: {self.state.hint}", width)
        from mnistop.tui.draw.matrix import confusion

        cursor = self.cell if self.has_focus else None
        self._drawn = confusion(self.matrix, self.names, self.terminal, width, height, cursor)
        return self._drawn

    def watch_has_focus(self, has_focus: bool) -> None:
        """Show the cursor, or hide it."""
        self._start()
        self.redraw()

    def _start(self) -> None:
        """Put the cursor on the worst cell, the most frequent mistake, where there is none yet."""
        if self.has_focus and self.cell is None and self.matrix is not None:
            mistakes = self.matrix.copy()
            mistakes.flat[:: len(mistakes) + 1] = 0
            true, predicted = divmod(int(mistakes.argmax()), len(mistakes))
            self.cell = (true, predicted)

    def action_move(self, down: int, right: int) -> None:
        """Move the cursor, within the matrix."""
        if self.matrix is None:
            self.notify(f"There is no matrix yet: {self.state.hint}.", markup=False)
            return
        last = len(self.matrix) - 1
        true, predicted = self.cell or (0, 0)
        self.cell = (max(0, min(last, true + down)), max(0, min(last, predicted + right)))
        self.redraw()

    def action_open(self, what: str) -> None:
        """Ask for the images behind a cell, a row or a column."""
        if self.matrix is None:
            self.notify(f"There is no matrix yet: {self.state.hint}.", markup=False)
        elif self.cell:
            from mnistop.engine.analysis.image_filters import as_word

            true, predicted = (as_word(self.names[place]) for place in self.cell)
            conditions = {"row": f"true:{true}", "column": f"pred:{predicted}"}
            text = conditions.get(what) or " ".join(conditions.values())
            self.post_message(ScreenWanted("mistakes", f"{text} all"))

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to the clicked cell; a double click opens it."""
        cell = self._drawn.cell_at(event.x, event.y - 1) if self._drawn else None
        if cell:
            self.cell = cell
            self.redraw()
            if event.chain == 2:
                self.action_open("cell")
