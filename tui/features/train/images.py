"""Validation images on the dashboard: one under attack, and the confusion matrix of all."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from textual import events

from mnistop.tui.draw.cells import Strip
from mnistop.tui.session.run_screen import ScreenWanted
from mnistop.tui.session.state import State, weights_name
from mnistop.tui.text.run_lines import epoch_name
from mnistop.tui.toolkit.background import LatestAnswer
from mnistop.tui.toolkit.bindings import ATTACK, bindings, hidden, key, steps
from mnistop.tui.toolkit.pane import ContentPane

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mnistop.engine.analysis.fragility import AttackedImage
    from mnistop.tui.draw.image import Mode
    from mnistop.tui.draw.matrix import ConfusionMatrix

    Counts = NDArray[np.int64]


EPSILONS = (0.0, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
"""The strengths that + and - step through; the notebook's is 0.125."""

_USUAL_EPSILON = 0.125
_ASKED = "in a moment; just after the start PyTorch has to load first"


class Digit(ContentPane["AttackedImage"], can_focus=True):
    """One image, its adversarial version, and the predictions for both."""

    BINDINGS = bindings(
        "digit",
        *steps("correctly classified validation image", "Digit", "n,right,l", "p,left,h"),
        key("stronger", "+,=", "strength(1)", "ε", "Every pixel may change by more", "+-0"),
        hidden("weaker", "-", "strength(-1)", "Weaker", "A weaker attack"),
        hidden("usual", "0", "strength(0)", "0.125", "The notebook's strength, 0.125"),
        ATTACK,
    )

    EXPLANATION = (
        "FGSM moves every pixel by at most ε, all in the direction in which the loss rises: a "
        "change that is hard to see and may still fool the model."
    )

    epsilon = _USUAL_EPSILON
    mode: Mode = "auto"
    weights = ""
    """The epoch of the weights that were attacked, as in `epoch 5`."""
    state = State()
    _row: int | None = None
    """The shown image; None before there is one."""
    _stays = False
    """True if the user chose the image, which then stays even if it comes to be misclassified."""
    _right: NDArray[np.intp] | None = None
    """The images to choose from: those classified correctly at the shown epoch, rising."""

    EMPTY_TITLE = "A digit and its adversarial version"

    def wait(self, hint: str) -> None:
        """Show the condition under which there will be an image."""
        self.show(None, f"An image, and how little it takes to fool the model: {hint}")

    def heading(self, content: AttackedImage) -> str:
        """The image, the strength of the attack, and the epoch of the weights."""
        title = f"Validation image {content.subject}, FGSM ε {content.epsilon:g}, {self.weights}"
        return f"{title}, {self.status}" if self.status else title

    def draw(self, content: AttackedImage, width: int, height: int) -> list[Strip]:
        """The pictures and the probabilities."""
        from mnistop.tui.text.portrait import attacked

        names = self.state.class_names
        return attacked(content, names, self.terminal, width, height, self.mode)

    def action_step(self, by: int) -> None:
        """Go to the next image that is classified correctly, or to the one before."""
        right = self._right
        if right is None or not len(right):
            self.notify("No validation image is classified correctly here.")
            return
        self._stays = True
        row = -1 if self._row is None else self._row
        place = (right <= row).sum() if by > 0 else (right < row).sum() - 1
        self._row = int(right[place % len(right)])
        self.follow(self.state, right)

    def action_strength(self, by: int) -> None:
        """Ask for a stronger or weaker attack, or the notebook's."""
        before = self.epsilon
        place = EPSILONS.index(before) + by
        last = len(EPSILONS) - 1
        self.epsilon = EPSILONS[max(0, min(last, place))] if by else _USUAL_EPSILON
        if self.content is None:
            self.notify(f"The attack will have ε {self.epsilon:g}.")
        elif self.epsilon == before:
            self.notify(f"ε is {before:g} already.")
        self.follow(self.state, self._right)

    def action_attack(self) -> None:
        """Ask for the attack screen, with the image that is shown."""
        if self.content and isinstance(self.content.subject, int):
            self.post_message(ScreenWanted("attack", self.content.subject))
        else:
            self.notify(f"There is nothing to attack yet. {self.status}.", markup=False)

    # Asking the model

    @cached_property
    def _answers(self) -> LatestAnswer[AttackedImage]:
        from mnistop.engine.analysis.fragility import attack_image

        return LatestAnswer(self, attack_image, self._on_answer)

    def forget(self) -> None:
        """Start again for another run."""
        self._answers.forget()
        self._row = None
        self._stays = False
        self.wait(_ASKED)

    def follow(self, state: State, right: NDArray[np.intp] | None) -> None:
        """Ask for what is to be shown, if that is not what is shown already.

        Args:
            state: the run and the shown epoch.
            right: the validation images classified correctly there, rising, if that is known.
        """
        self.state, self._right = state, right
        started = state.history.started
        if state.run is None or started is None or not state.saved:
            if state.no_model:
                self.show(None, state.no_model)
            else:
                self.wait(state.hint)
            return
        if self._row is None or (state.cursor is None and not self._stays):
            self._row = self._first(right)
        question = (state.run, self._row, self.epsilon, state.weights_wanted)
        self._answers.want(*question, key=(*question, state.weights_age))
        if self._answers.waiting and self.content is None:
            self.wait(_ASKED)

    def _first(self, right: NDArray[np.intp] | None) -> int:
        """The shown image while it is right, else the first that is."""
        row = self._row or 0
        return row if right is None or row in right or not len(right) else int(right[0])

    def _on_answer(self) -> None:
        answer, waiting = self._answers.answer, self._answers.waiting
        self.weights = weights_name(answer.epochs, self.state, waiting) if answer else ""
        self.show(answer, self._answers.error)


class Confusion(ContentPane["Counts"], can_focus=True):
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

    EMPTY_TITLE = "Confusion matrix"

    state = State()
    """The run and the epoch that the counts are of."""
    cell: tuple[int, int] | None = None
    """The true and the predicted class at the cursor."""
    _drawn: ConfusionMatrix | None = None

    def show_epoch(self, matrix: Counts | None, state: State) -> None:
        """Draw the matrix of an epoch.

        Args:
            matrix: counts, `(classes, classes)`: rows true; None while there are none.
            state: the run and the epoch that they are of.
        """
        self.state = state
        if self.cell and max(self.cell) >= len(state.class_names):
            self.cell = None
        self._start(matrix)
        self.show(matrix, f"Which class is taken for which: {state.hint}")

    def heading(self, content: Counts) -> str:
        """The cell under the cursor, or the number of mistakes."""
        if self.cell and self.has_focus:
            true, predicted = (self.state.class_names[place] for place in self.cell)
            total = content[self.cell[0]].sum()
            them = f" {true}s" if true.isdigit() else f": {true}"
            return f"{content[self.cell]} of {total}{them} taken for {predicted}"
        total = content.sum()
        when = epoch_name(self.state.shown_epoch)
        return f"Confusion matrix, {when}: {total - content.trace()} of {total} wrong"

    def draw(self, content: Counts, width: int, height: int) -> list[Strip]:
        """The matrix."""
        from mnistop.tui.draw.matrix import confusion

        names = self.state.class_names
        cursor = self.cell if self.has_focus else None
        self._drawn = confusion(content, names, self.terminal, width, height, cursor)
        return self._drawn

    def watch_has_focus(self, has_focus: bool) -> None:
        """Show the cursor, or hide it."""
        self._start(self.content)
        self.redraw()

    def _start(self, matrix: Counts | None) -> None:
        """Move the cursor to the worst cell, the most frequent mistake, if it has no place yet."""
        if self.has_focus and self.cell is None and matrix is not None:
            mistakes = matrix.copy()
            mistakes.flat[:: len(mistakes) + 1] = 0
            true, predicted = divmod(int(mistakes.argmax()), len(mistakes))
            self.cell = (true, predicted)

    def action_move(self, down: int, right: int) -> None:
        """Move the cursor, within the matrix."""
        if self.content is None:
            self.notify(f"There is no matrix yet: {self.state.hint}.", markup=False)
            return
        last = len(self.content) - 1
        true, predicted = self.cell or (0, 0)
        self.cell = (max(0, min(last, true + down)), max(0, min(last, predicted + right)))
        self.redraw()

    def action_open(self, what: str) -> None:
        """Ask for the images behind a cell, a row or a column."""
        if self.content is None:
            self.notify(f"There is no matrix yet: {self.state.hint}.", markup=False)
        elif self.cell:
            from mnistop.engine.analysis.image_filters import as_word

            true, predicted = (as_word(self.state.class_names[place]) for place in self.cell)
            conditions = {"row": f"true:{true}", "column": f"pred:{predicted}"}
            text = conditions.get(what) or " ".join(conditions.values())
            self.post_message(ScreenWanted("mistakes", f"{text} all"))

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to the clicked cell; a double click opens it."""
        drawn = self._drawn if self.content is not None else None
        if drawn and (cell := drawn.cell_at(event.x, event.y - 1)):
            self.cell = cell
            self.redraw()
            if event.chain == 2:
                self.action_open("cell")
