"""The data: what the model learns from."""

from __future__ import annotations

import contextlib
from collections.abc import Hashable, Sequence
from dataclasses import replace

from textual import on
from textual.geometry import Size

from mnistop.engine.analysis.samples import Samples, load_recorded, load_samples
from mnistop.engine.config import LOADED_BY, SPLIT_BY
from mnistop.engine.data.sources import absolute
from mnistop.engine.errors import RunError
from mnistop.engine.fingerprint import changes
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.data.flattening import Flattening
from mnistop.tui.features.data.panes import DataFacts, Labels, SampleGrid
from mnistop.tui.session.view import WRONG_FORM, HostedScreen
from mnistop.tui.toolkit.background import LatestAnswer
from mnistop.tui.toolkit.bindings import IMAGES, ZOOM, bindings, declared, key
from mnistop.tui.toolkit.dialogs import Section
from mnistop.tui.toolkit.image_grid import PAGE
from mnistop.tui.toolkit.pane_host import Pane, PaneHost

_MOST_FACTS = 7
"""Lines that the facts take at most."""


class DataPanes(PaneHost):
    """Images, one of them flattened, and labels, with the facts above them.

    Args:
        terminal: what the terminal can show.
    """

    WIDE = Size(110, 32)

    DEFAULT_CSS = """
    DataPanes > .panes > * { height: 1fr; }
    DataPanes.wide > .panes { layout: grid; grid-size: 2; grid-gutter: 0 2; }
    DataPanes.wide DataFacts { column-span: 2; }
    DataPanes.wide SampleGrid { row-span: 2; }
    """

    def __init__(self, terminal: Terminal) -> None:
        self.facts = DataFacts(terminal)
        self.grid = SampleGrid(terminal)
        self.flattening = Flattening(terminal)
        self.labels = Labels(terminal)
        panes = {"Images": self.grid, "Flattening": self.flattening, "Labels": self.labels}
        super().__init__(
            terminal, [Pane(name, pane, pane) for name, pane in panes.items()], above=[self.facts]
        )

    def fit(self) -> None:
        """Show what fits the terminal."""
        super().fit()
        is_wide, samples = self.mode == "wide", self.facts.content
        has_notes = bool(samples and samples.notes)
        self.facts.display = is_wide or self.active.widget is self.labels or has_notes
        self.grid.enlarged = self.zoomed
        width, height = self.app.size
        facts = self.facts.needed(width, _MOST_FACTS)
        classes = len(samples.counts.training) if samples else 10
        self._body.styles.grid_rows = f"{facts} 1fr {min(classes + 2, height // 3)}"
        self.facts.styles.height = "1fr" if is_wide else facts


class DataScreen(HostedScreen):
    """The images with their labels, one of them flattened, and how the classes are spread.

    Args:
        terminal: what the terminal can show.
    """

    NAME = "data"

    BINDINGS = bindings(
        "data",
        ZOOM,
        IMAGES,
        key(
            "source", "o", "other_images", "Other images", "A recorded run's images, or the form's"
        ),
    )

    def __init__(self, terminal: Terminal) -> None:
        self._panes = DataPanes(terminal)
        super().__init__(terminal, self._panes)
        self._facts, self._grid = self._panes.facts, self._panes.grid
        self._flattening, self._labels = self._panes.flattening, self._panes.labels
        self._of_form = LatestAnswer(self, load_samples, self._on_answer)
        self._of_run = LatestAnswer(self, load_recorded, self._on_answer)
        self._shows_form = False
        """True to show the form's images though a recorded run has its own."""
        self._data: tuple[Hashable, ...] | None = None
        self._index = 0
        self._sent: int | None = None
        """An image that a lesson is about, until it is shown."""
        self._opened = False
        """True if the flattened image was opened in the grid."""

    def on_mount(self) -> None:
        """Show how long loading takes."""
        self.every(1, self._tell_the_time)

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Return the reason why an action is impossible now."""
        if action == "other_images" and self._recorded is None:
            return "Only a run that another program recorded has images of its own."
        return super().why_not(action, parameters)

    def action_other_images(self) -> None:
        """Show the form's images in place of a recorded run's, or the other way round."""
        self._shows_form = not self._shows_form
        self.redraw()

    def enter(self, about: int) -> None:
        """Go to an image of the form's data."""
        self._shows_form = True
        self._sent = about

    # Layout

    def on_resize(self) -> None:
        """Ask for the page that fits now."""
        self.after_refresh(self.redraw)

    def on_descendant_focus(self) -> None:
        """Close the large image once another pane has the keys."""
        self._opened = self._opened and self.focused is self._flattening

    @on(PaneHost.Rearranged)
    def _on_rearranged(self) -> None:
        self.after_refresh(self.redraw)  # the page of a grid that was hidden has to be asked for

    def action_image_mode(self) -> None:
        """Choose the next way of drawing images."""
        panes = (self._grid, self._flattening) if self._samples else ()
        self._grid.mode = self._flattening.mode = self.next_mode(self._grid.mode, *panes)
        self.redraw()

    def action_back(self) -> None:
        """Back to the grid from an image that was opened there, else to the dashboard."""
        if self._opened:
            self._panes.go_to(self._panes.panes[0])
        else:
            super().action_back()

    def sections(self) -> Sequence[Section]:
        """Return each pane's purpose and keys; the focused pane first."""
        return [
            *self._panes.sections(lambda name: f"Data: {name.lower()}"),
            Section("On the data screen", DataFacts.EXPLANATION, declared(DataScreen)),
        ]

    # The data

    @property
    def _recorded(self) -> Run | None:
        """The run in sight if another program recorded it with images."""
        run, started = self.state.run, self.state.history.started
        has_images = started is not None and started.image_shape is not None
        return run if run and has_images and run.is_recorded() else None

    @property
    def _answers(self) -> LatestAnswer[Samples]:
        return self._of_run if self._recorded and not self._shows_form else self._of_form

    @property
    def _samples(self) -> Samples | None:
        return self._answers.answer

    @property
    def is_reading(self) -> bool:
        """True while the first images are being read."""
        return self._samples is None and self._answers.waiting

    def on_screen_resume(self) -> None:
        """Try again what has failed before."""
        self._answers.ask_again()  # the file may have changed

    def redraw(self) -> None:
        """Ask for the page that the cursor is on, of the recorded run or of the form's data."""
        run, config = self._recorded, self.form()
        if run and not self._shows_form:
            self._begin(run.words, run)
            self._of_run.want(run, *self._rows())
        elif config is None:
            self._data = None
            self._answers.forget()
            self._show(WRONG_FORM)
            return
        else:
            config = replace(config, source=absolute(config.source))
            self._begin(*(getattr(config, name) for name in LOADED_BY + SPLIT_BY))
            self._of_form.want(config, *self._rows(), self._of_form.progress_file)
        self._show(self._waiting())

    def _begin(self, *data: Hashable) -> None:
        """Forget what is shown if it is of other data."""
        if data != self._data:
            self._data = data
            self._index = 0
            self._of_form.forget()
            self._of_run.forget()
        if self._sent is not None:
            self._index, self._sent = self._sent, None

    def _rows(self) -> tuple[int, int]:
        """Return the first image to ask for, and how many: those of three pages."""
        count = self._grid.page_size if self._grid.display else PAGE
        return max(self._index // count - 1, 0) * count, 3 * count

    def _waiting(self) -> str:
        """Return what is being loaded, and for how long."""
        assert self._data
        note = self._answers.progress(f"loading {self._data[0]}")
        seconds = self._answers.seconds
        return f"{note[0].upper()}{note[1:]}" + (f" ({seconds:.0f} s)" if seconds >= 1 else "")

    def _tell_the_time(self) -> None:
        if self.is_current and self._answers.waiting and self._samples is None:
            self._show(self._waiting())

    def _on_answer(self) -> None:
        self._show("")
        self.after_refresh(self.redraw)

    def _show(self, status: str) -> None:
        samples = self._samples
        status = self._answers.error or status
        self._facts.changed = self._changed()
        self._facts.show(samples, status)
        self._panes.fit()
        self._grid.show(samples, self._index, status)
        self._labels.show_new(samples, status)
        place = self._index - samples.first if samples else 0
        if samples is None or not 0 <= place < len(samples.images):
            if samples is None:
                self._flattening.show(None, status)
            return
        label = samples.description.class_names[samples.labels[place]]
        side = "validation" if samples.validation[place] else "training"
        self._flattening.show(samples.images[place], f"Image {self._index}, {label}, {side}")

    def _changed(self) -> str:
        """Explain that the shown run was trained on other data than its source holds now, or ""."""
        run, data = self.state.run, self.state.history.data
        if run and run.is_recorded():
            if self._recorded and not self._shows_form:
                return ""
            which = "o shows its own" if self._recorded else "that has none"
            return (
                f"These are the form's images, not those of run {run.words}, which another program "
                f"recorded: {which}. "
            )
        if not (run and data and self._samples and self._data):
            return ""
        with contextlib.suppress(RunError):
            config = run.config()
            loaded = tuple(getattr(config, name) for name in LOADED_BY)
            if loaded == self._data[: len(loaded)] and (
                difference := changes(data, self._samples.fingerprint)
            ):
                return f"Run {run.words} was trained on other data: {difference}. "
        return ""

    @on(SampleGrid.Moved)
    def _on_moved(self, message: SampleGrid.Moved) -> None:
        self._index = message.position
        self.redraw()

    @on(SampleGrid.Opened)
    def _on_opened(self) -> None:
        self._opened = True
        self._panes.go_to(self._panes.panes[1])

    @on(Flattening.Stepped)
    def _on_stepped(self, message: Flattening.Stepped) -> None:
        self._grid.go(self._index + message.by)
