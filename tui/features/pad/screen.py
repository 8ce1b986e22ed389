"""A digit drawn by hand, classified after every stroke."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from textual import events, on
from textual.containers import Container
from textual.widget import Widget

from mnistop.engine.analysis.fragility import OwnImage
from mnistop.engine.analysis.network import classify
from mnistop.engine.drawing import Image, Pad, centred
from mnistop.engine.images import resize, to_png
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.pad.panes import Canvas, ModelInput, Prediction
from mnistop.tui.session.run_screen import ScreenWanted
from mnistop.tui.session.state import State, weights_name
from mnistop.tui.session.view import AtAnEpoch
from mnistop.tui.text.run_lines import epoch_name
from mnistop.tui.toolkit.background import LatestAnswer, write_file
from mnistop.tui.toolkit.bindings import ATTACK, IMAGES, bindings, declared, key
from mnistop.tui.toolkit.dialogs import Section

_MNIST_SHAPE = (28, 28)
_LONGEST_SIDE = 32
"""Pixels of the pad's longer side at most, so that it fits a terminal."""
_WAITING = "Asking the model; just after the start PyTorch has to load first."


class PadScreen(AtAnEpoch):
    """The pad, what the model sees of it, and the probabilities.

    Args:
        terminal: what the terminal can show.
    """

    DEFAULT_CSS = """
    PadScreen #pad-body { height: 1fr; layout: horizontal; }
    PadScreen #pad-right { width: 1fr; layout: vertical; }
    PadScreen Canvas { height: 1fr; margin-right: 2; }
    PadScreen Prediction { height: 12; }
    PadScreen ModelInput { height: 1fr; }
    """

    NAME = "pad"

    BINDINGS = bindings(
        "pad",
        key("centre", "c", "centre", "Centre", "Scale and centre the drawing, or leave it"),
        key("write", "w", "write", "Save", "Save what the model sees as a PNG in this folder"),
        ATTACK,
        IMAGES,
    )

    EXPLANATION = (
        "Draw a digit and see how the model classifies it after every stroke. MNIST's digits "
        "were scaled to 20 of 28 pixels and centred by their centre of mass; a digit of another "
        "size or in another place is unfamiliar to a model that has seen only those. A model of "
        "images in colour gets the drawing in gray: the same in red, green and blue."
    )

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal)
        self._canvas = Canvas(terminal)
        self._input = ModelInput(terminal)
        self._prediction = Prediction(terminal)
        self._body = Container(id="pad-body")
        self._right = Container(id="pad-right")
        self._answers = LatestAnswer(self, classify, self._on_answer)
        self._centred: bool | None = None
        self._drawings = 0

    def panes(self) -> Iterable[Widget]:
        """The pad on the left, the rest next to it."""
        with self._body:
            yield self._canvas
            with self._right:
                yield self._prediction
                yield self._input

    def on_mount(self) -> None:
        """The keys are the pad's."""
        self._arrange()
        self._canvas.focus()

    def on_resize(self, event: events.Resize) -> None:
        """Draw large where there is room for that."""
        self._arrange()

    def _arrange(self) -> None:
        rows, columns = self._canvas.pad.image.shape
        width, height = self.app.size
        large = width >= 2 * columns + 46 and height >= rows + 5
        drawn = (2 * columns if large else columns) + 2
        self._canvas.styles.width = max(drawn, 44 if width >= 100 else 34)
        names = len(self._names)
        thick = 2 if height >= 2 * names + rows + 6 else 1
        self._prediction.styles.height = max(5, min(thick * names + 1, height - 2 - 7))

    def sections(self) -> Sequence[Section]:
        """Return the pad's purpose and keys."""
        return [
            Section("A digit of your own", self.EXPLANATION, declared(PadScreen)),
            Section("The pad", Canvas.EXPLANATION, declared(Canvas)),
        ]

    # Classifying

    @property
    def _names(self) -> tuple[str, ...]:
        return self.state.class_names or tuple("0123456789")

    @property
    def centred(self) -> bool:
        """True if the model gets the drawing scaled and centred: by choice, or for MNIST's size."""
        if self._centred is None:
            return self._canvas.pad.image.shape == _MNIST_SHAPE
        return self._centred

    @property
    def image(self) -> Image:
        """The model's input in [0, 1]: for one of images in colour, the drawing in gray."""
        drawn = self._canvas.pad.image
        placed = resize(centred(drawn) if self.centred else drawn, *self._shape)
        return np.stack([placed] * 3, axis=-1) if self._in_color else placed

    @property
    def _shape(self) -> tuple[int, int]:
        """Rows and columns of the model's images."""
        started = self.state.history.started
        if started is None or not started.image_shape:
            return _MNIST_SHAPE
        return started.shape[0], started.shape[1]

    @property
    def _in_color(self) -> bool:
        started = self.state.history.started
        return bool(started and started.shape[2:])

    def redraw(self) -> None:
        """Classify the drawing by the weights of the shown epoch."""
        self._fit_to_run()
        how = "centred as MNIST" if self.centred else "as drawn"
        if self._in_color:
            how += ", in gray"
        if self._canvas.pad.image.shape != self._shape:
            how += ", enlarged"
        self._input.show(self.image, how)
        state = self.state
        missing = self._missing(state)
        if missing:
            self._answers.forget()
        if missing or self._prediction.content is None:
            self._prediction.weights = epoch_name(state.shown_epoch) if state.history.epochs else ""
            self._prediction.show(None, missing or _WAITING)
        if missing:
            return
        epochs = state.weights_wanted
        key = (state.run, self._drawings, self.centred, epochs, state.weights_age)
        self._answers.want(state.run, self.image, epochs, key=key)

    def _missing(self, state: State) -> str:
        """Return what is missing before anything can be classified; empty for nothing."""
        if state.run is None:
            return (
                "There is no model yet: press 1 for the dashboard and r to train one. Your "
                "drawing is kept."
            )
        if state.no_model:
            return state.no_model
        if state.history.started is None or not state.saved:
            return f"The model's prediction: {state.hint}."
        if self._canvas.pad.is_empty:
            what = "a digit" if set(self._names) <= set("0123456789") else "an image"
            return f"Draw {what}: Space puts the pen down, the arrows move it, Space lifts it."
        return ""

    def _fit_to_run(self) -> None:
        """Adapt the pad and the drawing to the run's images; the pad is smaller than large ones."""
        scale = min(1, _LONGEST_SIDE / max(self._shape))
        rows, columns = (max(1, round(scale * side)) for side in self._shape)
        drawn = self._canvas.pad.image
        if drawn.shape != (rows, columns):
            self._canvas.show(Pad(resize(drawn, rows, columns)))
            self._drawings += 1
        self._arrange()

    def _on_answer(self) -> None:
        answer, waiting = self._answers.answer, self._answers.waiting
        weights = weights_name(answer.epochs, self.state, waiting) if answer else ""
        self._prediction.names, self._prediction.weights = self._names, weights
        self._prediction.show(answer, self._answers.error)

    @on(Canvas.Drawn)
    def _on_drawn(self) -> None:
        self._drawings += 1
        self.redraw()

    # Other keys

    def action_attack(self) -> None:
        """Take what the model sees to the attack screen."""
        if self._canvas.pad.is_empty:
            self.notify("Nothing is drawn yet.")
        else:
            self.post_message(ScreenWanted("attack", OwnImage(self.image.astype(np.float32))))

    def action_centre(self) -> None:
        """Switch the centring of what the model sees."""
        self._centred = not self.centred
        self.redraw()

    def action_image_mode(self) -> None:
        """Choose the next way of drawing images."""
        self._canvas.mode = self._input.mode = self.next_mode(self._canvas.mode, self._canvas)
        self._canvas.redraw()
        self._input.redraw()

    def action_write(self) -> None:
        """Save what the model sees, under a name that is still free."""
        if self._canvas.pad.is_empty:
            self.notify("Nothing is drawn yet.")
            return
        names = (Path(f"mnistop-digit-{number}.png").absolute() for number in itertools.count(1))
        write_file(self, names, to_png(self.image), "Saved as")
