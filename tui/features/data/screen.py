"""The data: what the model learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from textual import on

from mnistop.engine.analysis.label_doubts import FOLDS
from mnistop.engine.data.doctor import SIDES
from mnistop.engine.data.sources import absolute
from mnistop.engine.process.doubt_search import DoubtSearch
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.data.arrangement import DataPanes
from mnistop.tui.features.data.findings import Findings
from mnistop.tui.features.data.flattening import Flattening
from mnistop.tui.features.data.model import DataModel
from mnistop.tui.features.data.panes import DataFacts, SampleGrid
from mnistop.tui.session.view import WRONG_FORM, HostedScreen
from mnistop.tui.toolkit.background import BackgroundTasks
from mnistop.tui.toolkit.bindings import IMAGES, ZOOM, bindings, declared, key
from mnistop.tui.toolkit.dialogs import Section
from mnistop.tui.toolkit.image_grid import PAGE
from mnistop.tui.toolkit.pane_host import PaneHost

_LOOK_SECONDS = 0.3


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
        key("check", "c", "check", "Check", "What is odd about the images"),
        key("doubts", "d", "doubts", "Doubts", "Train models to look for labels that they doubt"),
        key("stop", "s", "stop", "Stop", "Stop looking for doubted labels"),
        key(
            "source", "o", "other_images", "Other images", "A recorded run's images, or the form's"
        ),
    )

    def __init__(self, terminal: Terminal) -> None:
        self._model = DataModel(self, self._on_answer)
        self._panes = DataPanes(terminal, self._model.check)
        super().__init__(terminal, self._panes)
        self._facts, self._grid = self._panes.facts, self._panes.grid
        self._flattening, self._labels = self._panes.flattening, self._panes.labels
        self._findings = self._panes.findings
        self._tasks = BackgroundTasks(self, terminal, self.changed)
        self._shows_form = False
        """True to show the form's images though a recorded run has its own."""
        self._opened = False
        """True if the flattened image was opened in the grid."""

    def on_mount(self) -> None:
        """Show how long loading takes, and follow the search for doubted labels."""
        self.every(1, self._tell_the_time)
        self.every(_LOOK_SECONDS, self._read_search)

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Return the reason why an action is impossible now."""
        model = self._model
        match action:
            case "other_images" if self._recorded is None:
                return "Only a run that another program recorded has images of its own."
            case "check" if self.focused is self._findings:
                return "These are the findings: the arrows choose one, Enter shows its images."
            case "stop" if not model.check.is_searching:
                return "No search for doubted labels is going on: d begins one."
            case "doubts" if model.check.is_searching:
                return "Models are being trained to look for doubted labels: s stops them."
            case "doubts" if not (model.run or self.form()):
                return WRONG_FORM
            case "doubts" if not model.check.images:
                wait = "The images are being loaded: they come first."
                return model.check.skipped or model.error or wait
        return super().why_not(action, parameters)

    def action_other_images(self) -> None:
        """Show the form's images in place of a recorded run's, or the other way round."""
        self._shows_form = not self._shows_form
        self.redraw()

    def enter(self, about: int) -> None:
        """Go to an image of the form's data."""
        self._shows_form = True
        self._model.sent = about

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
        panes = (self._grid, self._flattening) if self._model.samples else ()
        mode = self.next_mode(self._grid.mode, *panes)
        self._grid.mode = self._flattening.mode = self._findings.mode = mode
        self.redraw()

    def action_back(self) -> None:
        """Back to the grid from an image that was opened there, to all images, then further."""
        if self._opened:
            self._panes.go_to(self._panes.panes[0])
        elif self._model.finding:
            self._model.show_all()
            self.redraw()
        else:
            super().action_back()

    def sections(self) -> Sequence[Section]:
        """Return each pane's purpose and keys; the focused pane first."""
        return [
            *self._panes.sections(lambda name: f"Data: {name.lower()}"),
            Section("On the data screen", DataFacts.EXPLANATION, declared(DataScreen)),
        ]

    # The images

    @property
    def _recorded(self) -> Run | None:
        """The run in sight if another program recorded it with images."""
        run, started = self.state.run, self.state.history.started
        has_images = started is not None and started.image_shape is not None
        return run if run and has_images and run.is_recorded() else None

    @property
    def is_reading(self) -> bool:
        """True while the first images are being read."""
        return self._model.is_waiting

    def on_screen_resume(self) -> None:
        """Try again what has failed before."""
        self._model.ask_again()

    def redraw(self) -> None:
        """Ask for the page that the cursor is on, of the recorded run or of the form's data."""
        run, config = None if self._shows_form else self._recorded, self.form()
        if source := run or config:
            self._model.want(source, self._grid.page_size if self._grid.display else PAGE)
            self._show(self._model.waiting())
        else:
            self._model.forget()
            self._show(WRONG_FORM)

    def _tell_the_time(self) -> None:
        if self.is_current and self._model.is_waiting:
            self._show(self._model.waiting())

    def _on_answer(self) -> None:
        self._show("")
        self.refresh_bindings()
        self.after_refresh(self.redraw)

    def _show(self, status: str) -> None:
        model, samples = self._model, self._model.samples
        status = model.error or status
        self._facts.changed = self._changed()
        self._facts.show(samples, status)
        self._panes.fit()
        self._grid.show(samples, model.index, status, model.finding)
        self._labels.show_new(samples, status)
        place = model.index - samples.first if samples else 0
        if samples is None or not 0 <= place < len(samples.images):
            if samples is None:
                self._flattening.show(None, status)
                self._findings.show(None, status=status)
            return
        label, side = samples.description.class_names[samples.labels[place]], samples.sides[place]
        name = samples.names[place]
        about = f"Image {name}, {label}"
        about += "" if name.startswith(SIDES[side]) else f", {SIDES[side]}"
        about += f", {model.remark}" if model.remark else ""
        self._flattening.show(samples.images[place], about)
        if model.finding:
            self._findings.show(samples.images[place], about)
        else:
            self._findings.show(None)

    def _changed(self) -> str:
        """Explain that these are not the images of the shown run, or return ""."""
        run = self.state.run
        if not (run and run.is_recorded()):
            return self._model.difference(self.state)
        if self._model.run:
            return ""
        which = "o shows its own" if self._recorded else "that has none"
        return (
            f"These are the form's images, not those of run {run.words}, which another program "
            f"recorded: {which}. "
        )

    @on(SampleGrid.Moved)
    def _on_moved(self, message: SampleGrid.Moved) -> None:
        self._model.index = message.position
        self.redraw()

    @on(SampleGrid.Opened)
    def _on_opened(self) -> None:
        self._opened = True
        self._panes.go_to(self._panes.panes[1])

    @on(Flattening.Stepped)
    def _on_stepped(self, message: Flattening.Stepped) -> None:
        self._grid.go(self._model.index + message.by)

    # Findings

    def action_check(self) -> None:
        """Go to the findings."""
        self._panes.go_to_name("Findings")

    @on(Findings.Moved)
    def _show_finding(self) -> None:
        """Show the images of the chosen finding alone."""
        if self._findings.chosen is not self._model.finding:
            self._model.show(self._findings.chosen)
        self.redraw()

    @on(Findings.Opened)
    def _on_finding_opened(self) -> None:
        self._show_finding()
        self._panes.go_to(self._panes.panes[0])

    @on(Findings.Stepped)
    def _on_finding_stepped(self, message: Findings.Stepped) -> None:
        if self._model.finding is self._findings.chosen:
            self._grid.go(self._model.index + message.by)
        else:
            self._show_finding()

    def action_doubts(self) -> None:
        """Train models to look for labels that they doubt."""
        if config := self.form():
            there = replace(config, source=absolute(config.source))
            self._tasks.do(lambda: DoubtSearch(there, FOLDS), self._begin_search)

    def _begin_search(self, search: DoubtSearch) -> None:
        self._model.begin(search)
        self.action_check()
        self._on_answer()

    def action_stop(self) -> None:
        """Stop looking for doubted labels."""
        self._model.check.stop()
        self._on_answer()

    def _read_search(self) -> None:
        """Show how far the search is, and in the end the first image of a doubted label."""
        if self._model.check.is_searching:
            if self._model.check.read():
                self._findings.position = self._findings.count - 1
                self._show_finding()
            self._on_answer()
