"""The data: what the model learns from."""

from __future__ import annotations

import contextlib
from collections.abc import Hashable, Sequence
from dataclasses import replace

from textual import on
from textual.geometry import Size

from mnistop.engine.analysis.label_doubts import FOLDS
from mnistop.engine.analysis.samples import Samples, load_recorded, load_samples
from mnistop.engine.config import LOADED_BY, SPLIT_BY
from mnistop.engine.data.doctor import SIDES, Finding
from mnistop.engine.data.sources import absolute
from mnistop.engine.errors import RunError
from mnistop.engine.fingerprint import changes
from mnistop.engine.process.doubt_search import DoubtSearch
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.data.findings import DataCheck, Findings
from mnistop.tui.features.data.flattening import Flattening
from mnistop.tui.features.data.panes import DataFacts, Labels, SampleGrid
from mnistop.tui.session.view import WRONG_FORM, HostedScreen
from mnistop.tui.toolkit.background import BackgroundTasks, LatestAnswer
from mnistop.tui.toolkit.bindings import IMAGES, ZOOM, bindings, declared, key
from mnistop.tui.toolkit.dialogs import Section
from mnistop.tui.toolkit.image_grid import PAGE
from mnistop.tui.toolkit.pane_host import Pane, PaneHost

_LOOK_SECONDS = 0.3
_NOT_CHECKED = "Only the form's images are checked, not those of a recorded run: o shows them."
_MOST_FACTS = 7
"""Lines that the facts take at most."""


class DataPanes(PaneHost):
    """Images, one of them flattened, findings and labels, with the facts above them.

    Args:
        terminal: what the terminal can show.
        check: has the findings.
    """

    WIDE = Size(110, 32)

    DEFAULT_CSS = """
    DataPanes > .panes > * { height: 1fr; }
    DataPanes.wide > .panes { layout: grid; grid-size: 2; grid-gutter: 0 2; }
    DataPanes.wide DataFacts { column-span: 2; }
    DataPanes.wide SampleGrid { row-span: 3; }
    """

    def __init__(self, terminal: Terminal, check: DataCheck) -> None:
        self.facts = DataFacts(terminal)
        self.grid = SampleGrid(terminal)
        self.flattening = Flattening(terminal)
        self.findings = Findings(terminal, check)
        self.labels = Labels(terminal)
        panes = {
            "Images": self.grid,
            "Flattening": self.flattening,
            "Findings": self.findings,
            "Labels": self.labels,
        }
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
        findings = min(self.findings.needed(width // 2 - 1), height // 4)
        self._body.styles.grid_rows = f"{facts} 1fr {findings} {min(classes + 2, height // 3)}"
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
        key("check", "c", "check", "Check", "What is odd about the images"),
        key("doubts", "d", "doubts", "Doubts", "Train models to look for labels that they doubt"),
        key("stop", "s", "stop", "Stop", "Stop looking for doubted labels"),
        key(
            "source", "o", "other_images", "Other images", "A recorded run's images, or the form's"
        ),
    )

    def __init__(self, terminal: Terminal) -> None:
        self._check = DataCheck(self, self._on_findings)
        self._panes = DataPanes(terminal, self._check)
        super().__init__(terminal, self._panes)
        self._facts, self._grid = self._panes.facts, self._panes.grid
        self._flattening, self._labels = self._panes.flattening, self._panes.labels
        self._findings = self._panes.findings
        self._of_form = LatestAnswer(self, load_samples, self._on_answer)
        self._of_run = LatestAnswer(self, load_recorded, self._on_answer)
        self._shows_form = False
        """True to show the form's images though a recorded run has its own."""
        self._data: tuple[Hashable, ...] | None = None
        self._index = 0
        self._finding: Finding | None = None
        """The finding whose images are shown; None for all images."""
        self._tasks = BackgroundTasks(self, terminal, self.changed)
        self._sent: int | None = None
        """An image that a lesson is about, until it is shown."""
        self._opened = False
        """True if the flattened image was opened in the grid."""

    def on_mount(self) -> None:
        """Show how long loading takes, and follow the search for doubted labels."""
        self.every(1, self._tell_the_time)
        self.every(_LOOK_SECONDS, self._read_search)

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Return the reason why an action is impossible now."""
        if action == "other_images" and self._recorded is None:
            return "Only a run that another program recorded has images of its own."
        if action == "stop" and not self._check.is_searching:
            return "No search for doubted labels is going on: d begins one."
        if action == "doubts" and self._check.is_searching:
            return "Models are being trained to look for doubted labels: s stops them."
        if action == "doubts" and not self._check.images:
            return _NOT_CHECKED if self._shows_recorded else self._answers.error or self._waiting()
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
        """Back to the grid from an image that was opened there, to all images, then further."""
        if self._opened:
            self._panes.go_to(self._panes.panes[0])
        elif self._finding:
            self._show_finding(None)
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
    def _shows_recorded(self) -> bool:
        """True if the images are those of a recorded run, and not the form's."""
        return self._recorded is not None and not self._shows_form

    @property
    def _answers(self) -> LatestAnswer[Samples]:
        return self._of_run if self._shows_recorded else self._of_form

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
            rows, finding = self._rows(), self._finding
            chosen = finding.images if finding else None
            about = (self._data, rows, id(finding))
            self._of_form.want(config, *rows, self._of_form.progress_file, chosen, key=about)
            if self._samples and self._data:
                self._check.want(config, self._data, self._samples.description.count)
        self._show(self._waiting())

    def _begin(self, *data: Hashable) -> None:
        """Forget what is shown if it is of other data."""
        if data != self._data:
            self._data = data
            self._index = 0
            self._finding = None
            self._of_form.forget()
            self._of_run.forget()
            self._check.forget()
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
        self._grid.show(samples, self._index, status, self._finding)
        self._findings.redraw()
        self._labels.show_new(samples, status)
        place = self._index - samples.first if samples else 0
        if samples is None or not 0 <= place < len(samples.images):
            if samples is None:
                self._flattening.show(None, status)
            return
        label, side = samples.description.class_names[samples.labels[place]], samples.sides[place]
        words = f"Image {samples.names[place]}, {label}, {SIDES[side]}"
        if self._finding and self._finding.remarks:
            words += f", {self._finding.remarks[self._index]}".rstrip(", ")
        self._flattening.show(samples.images[place], words)

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

    # Findings

    def _on_findings(self) -> None:
        self._show("")
        self.refresh_bindings()

    def _show_finding(self, finding: Finding | None, index: int = 0) -> None:
        """Show the images of a finding alone, or all images."""
        if finding is not self._finding:
            self._finding, self._index = finding, index
            self._of_form.forget()
        self.redraw()

    @on(Findings.Moved)
    def _on_finding_moved(self) -> None:
        self._show_finding(self._findings.chosen)

    @on(Findings.Opened)
    def _on_finding_opened(self) -> None:
        self._show_finding(self._findings.chosen)
        self._panes.go_to(self._panes.panes[0])

    @on(Findings.Stepped)
    def _on_finding_stepped(self, message: Findings.Stepped) -> None:
        if self._finding is not self._findings.chosen:
            self._show_finding(self._findings.chosen)
        else:
            self._grid.go(self._index + message.by)

    def action_check(self) -> None:
        """Go to the findings."""
        self._panes.go_to_name("Findings")

    def action_doubts(self) -> None:
        """Train models to look for labels that they doubt."""
        if config := self.form():
            config = replace(config, source=absolute(config.source))
            self._tasks.do(lambda: DoubtSearch(config, FOLDS), self._begin_search)

    def _begin_search(self, search: DoubtSearch) -> None:
        self._check.begin(search)
        self.action_check()
        self._on_findings()

    def action_stop(self) -> None:
        """Stop looking for doubted labels."""
        self._check.stop()
        self._on_findings()

    def _read_search(self) -> None:
        """Take what the search has found; go to the first image of a doubted label."""
        if self._check.is_searching and self._samples:
            if self._check.read(self._samples.description.class_names):
                self._findings.position = self._findings.count - 1
                self._show_finding(self._findings.chosen)
            self._on_findings()

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
