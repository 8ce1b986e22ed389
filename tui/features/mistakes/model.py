"""The model of the images screen: filter, order and the chosen image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.analysis.image_filters import ORDERS, Filter, Order, grammar, parse, rows
from mnistop.engine.evaluate import confusion_matrix
from mnistop.engine.filter_grammar import FilterError
from mnistop.engine.runs.predictions import (
    EpochPredictions,
    Floats,
    LearningTimes,
    learning_times,
    load_predictions,
)
from mnistop.tui.session.state import State
from mnistop.tui.text.run_lines import epoch_name

_KEPT_IMAGES = 256
"""Some pages of a gallery."""


_NONE: NDArray[np.intp] = np.empty(0, np.intp)


@dataclass(frozen=True, eq=False)
class ImageDetails:
    """A validation image, and all that is known of it at one epoch."""

    row: int
    image: Floats | None
    """`(height, width)` or `(height, width, 3)` in [0, 1]; None if it is not recorded."""
    label: int
    predicted: int
    probabilities: Floats
    """`(classes,)`"""
    loss: float
    margin: float
    trail: NDArray[np.uint8]
    """Its predicted class after each epoch so far, `(epochs,)`."""

    @property
    def right(self) -> bool:
        """True if it is classified correctly."""
        return self.label == self.predicted


class ImageListModel:
    """The images that pass a filter, in an order, and the chosen one.

    The chosen image stays chosen while training goes on, even when it no longer passes the filter.
    """

    def __init__(self) -> None:
        self.state = State()
        self.text = ""
        """The filter as it was typed."""
        self.problem = ""
        """The problem with it; empty for none."""
        self.filter = Filter()
        self.names: tuple[str, ...] = ()
        self.predictions: EpochPredictions | None = None
        self.learning_times: LearningTimes | None = None
        self.rows = _NONE
        """The images that pass, in order."""
        self.position = 0
        """The place of the chosen image in `rows`, or its last one."""
        self.row: int | None = None
        """The chosen image."""
        self._order = 0
        self._source: tuple[object, ...] = ()
        self._shown: tuple[int, int] | None = None
        """The epoch that was read last, and how many there were."""
        self._predictions: NDArray[np.uint8] = np.empty((0, 0), np.uint8)
        """Of all epochs, `(epochs, images)`."""
        self._images: dict[int, Floats] = {}
        """Those that were read last."""

    def check(self, text: str) -> None:
        """Check a filter, as far as the classes are known.

        Raises:
            FilterError: it does not.
        """
        if self.names:
            parse(text, self.names)

    def complete(self, text: str) -> list[str]:
        """The lines that a filter that is being typed may become."""
        return grammar(self.names).complete(text)

    @property
    def order(self) -> Order:
        """The order of `rows`."""
        return ORDERS[self._order]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of an image, see `RunStarted.shape`."""
        started = self.state.history.started
        return started.shape if started else (28, 28)

    @property
    def matrix(self) -> NDArray[np.int64] | None:
        """Confusion counts, `(classes, classes)`, rows true; None without recorded predictions."""
        if (found := self.predictions) is None:
            return None
        return confusion_matrix(found.labels, found.predicted, found.classes)

    @property
    def listed(self) -> bool:
        """True if the chosen image passes the filter."""
        return self.position < len(self.rows) and self.rows[self.position] == self.row

    @property
    def when(self) -> str:
        """The epoch that is shown, in words."""
        return epoch_name(self.state.shown_epoch)

    @property
    def empty(self) -> str:
        """The reason why there is nothing to see; empty if there is something."""
        if self.state.phase == "idle":
            return (
                "The images that a model gets wrong, once there is one: press 1 for the "
                "dashboard, then r to train."
            )
        if self.state.history.vanished:
            return "The images are gone with the folder of the run, which was deleted or moved."
        if not self._has_started:
            return f"The images that the model gets wrong: {self.state.hint}."
        if self.predictions is None:
            if self.state.run and self.state.run.is_recorded():
                return (
                    "The images that the model gets wrong: mnistop.init(validation=...) and "
                    "run.evaluate(model) record them, and this epoch has none."
                )
            return (
                "This run keeps no probabilities or images of this epoch: it was made by an "
                "older mnistop, or its folder is damaged. A new run has them: 1, then r."
            )
        if len(self.rows):
            return ""
        count, epoch = len(self.predictions), self.state.shown_epoch
        when = f"at epoch {epoch}" if epoch >= 0 else "before training"
        true, predicted = self.filter.true, self.filter.predicted
        if true is not None and predicted is not None and not self.filter.bounds:
            taken = f"{self.names[true]} is taken for {self.names[predicted]}"
            return f"No {taken} {when}. Press / for other images, Esc to go back."
        if self.filter == Filter():
            return f"No mistakes among {count} images {when}. Press / and type all for the others."
        if self.filter.kind == "wrong":
            wrong = count - int(self.predictions.right.sum())
            return (
                f'None of the {wrong} mistakes {when} matches "{self.text}". '
                "Press / to change that; all includes correct ones."
            )
        return f'None of {count} images matches "{self.text}" {when}. Press / to change that.'

    def follow(self, state: State) -> None:
        """Follow the shown run and epoch."""
        history = state.history
        self.state = state
        source = (state.run, history.started, history.resumed)
        if source != self._source:
            self._source, self._shown = source, None
            self.predictions = self.learning_times = None
            self._images.clear()
            self.names = state.class_names
            self.row, self.position = None, 0
            self.set_filter(self.text)
        shown = (state.shown_epoch, len(history.epochs))
        if self._has_started and shown != self._shown:
            before, self._shown = self._shown or (None, None), shown
            self._read(*before)
            self._sort()

    def set_filter(self, text: str) -> None:
        """Show the images that pass a filter, the first of them chosen if the chosen does not.

        One that makes no sense is noted as `problem`, and changes nothing else.
        """
        self.text, self.problem = text.strip(), ""
        if not self.names:
            return
        try:
            self.filter = parse(self.text, self.names)
        except FilterError as error:
            self.problem = str(error)
        self._sort()
        if not self.listed:
            self.go(0)

    def next_order(self) -> None:
        """Choose the next order; the chosen image stays."""
        self._order = (self._order + 1) % len(ORDERS)
        self._sort()

    def go(self, position: int) -> None:
        """Choose the image at a position, as near to it as there is one."""
        self.position = max(0, min(len(self.rows) - 1, position))
        self.row = int(self.rows[self.position]) if len(self.rows) else None

    def move(self, by: int) -> None:
        """Move by some images; from one that is no longer listed, to where it was."""
        self.go(self.position + by if self.listed or by < 0 else self.position + by - 1)

    @property
    def _has_started(self) -> bool:
        return bool(self.state.run and self.state.history.started)

    def _read(self, epoch: int | None, count: int | None) -> None:
        """Read what differs from another epoch, when there were another count of them."""
        run, shown, epochs = self.state.run, self.state.shown_epoch, len(self.state.history.epochs)
        assert run
        if shown != epoch or self.predictions is None:
            self.predictions = load_predictions(run, shown + 1, len(self.names))
        if epochs != count:
            self._predictions = run.predictions()[1 : epochs + 1]
            self.learning_times = learning_times(self._predictions, run.labels())

    def _sort(self) -> None:
        if self.predictions and self.learning_times:
            self.rows = rows(self.filter, self.order, self.predictions, self.learning_times)
        else:
            self.rows, self.row = _NONE, None
        found = np.flatnonzero(self.rows == self.row) if self.row is not None else _NONE
        if len(found):
            self.position = int(found[0])
        elif self.row is None:
            self.go(0)

    def image(self, row: int) -> Floats | None:
        """Return an image in [0, 1]; None if it is not recorded."""
        found = self._images.get(row)
        run = self.state.run
        if found is None and run and (found := run.image(row, self.shape)) is not None:
            if len(self._images) >= _KEPT_IMAGES:
                self._images.clear()
            self._images[row] = found
        return found

    def details(self, row: int | None) -> ImageDetails | None:
        """Return all about an image; None for none."""
        predictions = self.predictions
        if row is None or predictions is None:
            return None
        return ImageDetails(
            row,
            self.image(row),
            int(predictions.labels[row]),
            int(predictions.predicted[row]),
            predictions.probabilities[row],
            float(predictions.loss[row]),
            float(predictions.margin[row]),
            self._predictions[:, row],
        )

    def pair(self) -> tuple[int | None, int | None]:
        """One image that is right and one that is wrong, of one class where that is possible.

        The chosen image is one of them; the other is the nearest one after it.
        """
        if self.row is None or self.predictions is None:
            return None, None
        right = self.predictions.right
        chosen_right = bool(right[self.row])
        others = np.flatnonzero(right != chosen_right)
        same = others[self.predictions.labels[others] == self.predictions.labels[self.row]]
        candidates = same if len(same) else others
        if not len(candidates):
            return (self.row, None) if chosen_right else (None, self.row)
        index = np.searchsorted(candidates, self.row) % len(candidates)
        other = int(candidates[index])
        return (self.row, other) if chosen_right else (other, self.row)
