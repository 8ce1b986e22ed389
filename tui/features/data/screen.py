"""The data: what the model learns from."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable, Iterable, Sequence

from textual import events, on
from textual.containers import Container
from textual.widget import Widget

from mnistop.engine.analysis.samples import Samples, look_at
from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import absolute
from mnistop.engine.errors import RunError
from mnistop.engine.fingerprint import changes
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.data.facts import DataFacts
from mnistop.tui.features.data.flattening import Flattening
from mnistop.tui.features.data.labels import Labels
from mnistop.tui.features.data.samples import SampleGrid
from mnistop.tui.session.view import ALONE, WRONG_FORM, SeveralPanes
from mnistop.tui.toolkit.bindings import IMAGES, ZOOM, bindings, declared
from mnistop.tui.toolkit.help import Section
from mnistop.tui.toolkit.latest_answer import LatestAnswer
from mnistop.tui.toolkit.progress_note import ProgressNote
from mnistop.tui.toolkit.tabs import Tabs
from mnistop.tui.toolkit.tiles import PAGE

_NAMES = ("Images", "Flattening", "Labels")
_GRID, _FLATTENING, _LABELS = range(3)
_MOST_FACTS = 7
"""Lines that the facts take at most."""
_WIDE, _HIGH = 110, 32
"""From so many cells and lines on, all panes are shown at once."""


class DataScreen(SeveralPanes):
    """The images with their labels, one of them flattened, and how the classes are spread.

    Args:
        terminal: what the terminal can show.
        config: tells what the form holds, None while a value in it is wrong.
    """

    DEFAULT_CSS = """
    DataScreen #data-body { height: 1fr; }
    DataScreen #data-body > * { height: 1fr; }
    DataScreen #data-body.wide { layout: grid; grid-size: 2; grid-gutter: 0 2; }
    DataScreen #data-body.wide DataFacts { column-span: 2; }
    DataScreen .wide SampleGrid { row-span: 2; }
    """

    NAME = "data"

    BINDINGS = bindings(
        "data",
        ZOOM,
        IMAGES,
    )

    def __init__(self, terminal: Terminal, config: Callable[[], RunConfig | None]) -> None:
        super().__init__(terminal)
        self._config = config
        self._facts = DataFacts(terminal)
        self._grid = SampleGrid(terminal)
        self._flattening = Flattening(terminal)
        self._labels = Labels(terminal)
        self._tabs = Tabs(terminal, id="data-tabs")
        self._body = Container(id="data-body")
        self._answers = LatestAnswer(self, look_at, self._on_answer)
        self._note = ProgressNote()
        self._data: tuple[Hashable, ...] | None = None
        self._samples: Samples | None = None
        self._trouble = ""
        self._index = 0
        self._active = _GRID
        self._zoomed = False
        self._opened = False

    def panes(self) -> Iterable[Widget]:
        """All panes; which of them are seen is up to `_arrange`."""
        yield self._tabs
        with self._body:
            yield self._facts
            yield self._grid
            yield self._flattening
            yield self._labels

    def on_mount(self) -> None:
        """Starts in the grid."""
        self._tabs.styles.height = 1
        self._arrange()
        self._grid.focus()
        self.every(1, self._tell_the_time)

    # Layout

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Give the reason why an action is impossible now."""
        if action == "zoom" and not (self._zoomed or self._has_room):
            return ALONE
        return super().why_not(action, parameters)

    @property
    def _has_room(self) -> bool:
        width, height = self.app.size
        return width >= _WIDE and height >= _HIGH

    @property
    def _places(self) -> list[Widget]:
        return [self._grid, self._flattening, self._labels]

    def _arrange(self) -> None:
        wide = self._has_room and not self._zoomed
        self._tabs.display = not wide
        self._tabs.show(_NAMES, self._active)
        self._body.set_class(wide, "wide")
        for index, pane in enumerate(self._places):
            pane.display = wide or index == self._active
        has_notes = bool(self._samples and self._samples.notes)
        self._facts.display = wide or self._active == _LABELS or has_notes
        self._grid.enlarged = self._zoomed
        classes = len(self._samples.counts.training) if self._samples else 10
        needed = self._facts.needed(self.app.size.width)
        self._body.styles.grid_rows = (
            f"{min(needed, _MOST_FACTS)} 1fr {min(classes + 2, self.app.size.height // 3)}"
        )
        self._facts.styles.height = "1fr" if wide else min(needed, _MOST_FACTS)

    def on_resize(self, event: events.Resize) -> None:
        """Finds the arrangement that fits."""
        self._arrange()
        self.after_refresh(self.redraw)

    def on_descendant_focus(self) -> None:
        """Shows the pane that has got the focus."""
        if self.focused in self._places:
            self._active = self._places.index(self.focused)
            self._opened = self._opened and self._active == _FLATTENING
            self._arrange()

    def action_next_pane(self, by: int) -> None:
        """Goes to the next or previous pane."""
        self._go_to((self._active + by) % len(_NAMES))

    def _go_to(self, index: int) -> None:
        self._active = index
        self._arrange()
        self.set_focus(self._places[index])
        self.after_refresh(self.redraw)  # the page of a grid that was hidden has to be asked for

    @on(Tabs.Chosen)
    def _on_tab(self, message: Tabs.Chosen) -> None:
        if message.index < len(_NAMES):
            self._go_to(message.index)

    def action_zoom(self) -> None:
        """The focused pane alone, and back."""
        self._zoomed = not self._zoomed
        self._arrange()
        self.after_refresh(self.redraw)

    def action_image_mode(self) -> None:
        """Takes the next way of drawing images."""
        panes = (self._grid, self._flattening) if self._samples else ()
        self._grid.mode = self._flattening.mode = self.next_mode(self._grid.mode, *panes)
        self.redraw()

    def action_back(self) -> None:
        """Back to the grid from an image that was opened there, else to the dashboard."""
        if self._opened:
            self._go_to(_GRID)
        else:
            super().action_back()

    def sections(self) -> Sequence[Section]:
        """What each pane is for and its keys; the focused pane first."""
        sections = [
            Section("Data: images", SampleGrid.EXPLANATION, declared(SampleGrid)),
            Section("Data: flattening", Flattening.EXPLANATION, declared(Flattening)),
            Section("Data: labels", Labels.EXPLANATION, declared(Labels)),
        ]
        return [
            *sections[self._active :],
            *sections[: self._active],
            Section("On the data screen", DataFacts.EXPLANATION, declared(DataScreen)),
        ]

    # The data

    @property
    def is_reading(self) -> bool:
        """Whether the images are waited for."""
        return self._samples is None and self._answers.waiting

    def on_screen_resume(self) -> None:
        """Tries again what has failed before, and catches up."""
        if self._trouble:
            self._data = None
        self._answers.forget()  # the file may have changed
        super().on_screen_resume()

    def redraw(self) -> None:
        """Asks for what the form names now, and for the page that the cursor is on."""
        config = self._config()
        if config is None:
            self._data, self._samples = None, None
            self._answers.forget()
            self._show(WRONG_FORM)
            return
        data = absolute(config.source), config.samples, config.val_fraction, config.split_seed
        if (*data, config.pixel_range) != self._data:
            self._data = (*data, config.pixel_range)
            self._samples, self._trouble, self._index = None, "", 0
            self._note.start()
            self._answers.forget()
        if not self._trouble:
            count = self._grid.page_size if self._grid.display else PAGE
            before = max(self._index // count - 1, 0) * count
            self._answers.want(*data, before, 3 * count, self._note.path, config.pixel_range)
        self._show(self._waiting())

    def _waiting(self) -> str:
        """What is being waited for."""
        assert self._data
        said = self._note.read(f"loading {self._data[0]}")
        seconds = self._note.seconds
        return f"{said[0].upper()}{said[1:]}" + (f" ({seconds:.0f} s)" if seconds >= 1 else "")

    def _tell_the_time(self) -> None:
        if self.is_current and self._answers.waiting and self._samples is None:
            self._show(self._waiting())

    def _on_answer(self, answer: Samples | None, trouble: str) -> None:
        self._samples, self._trouble = answer, trouble
        self._note.clear()
        self._show("")
        self.after_refresh(self.redraw)

    def _show(self, notice: str) -> None:
        samples = self._samples
        notice = self._trouble or notice
        self._facts.show(samples, notice, self._changed())
        self._arrange()
        self._grid.show(samples, self._index, notice)
        self._labels.show(samples, notice)
        place = self._index - samples.first if samples else 0
        if samples is None or not 0 <= place < len(samples.images):
            if samples is None:
                self._flattening.show(None, notice)
            return
        label = samples.description.class_names[samples.labels[place]]
        side = "validation" if samples.validation[place] else "training"
        self._flattening.show(samples.images[place], f"Image {self._index}, {label}, {side}")

    def _changed(self) -> str:
        """Say that the run in sight was trained on what its source held then; empty if it does."""
        run, data = self.state.run, self.state.history.data
        if not (run and data and self._samples and self._data):
            return ""
        with contextlib.suppress(RunError):
            config = run.config()
            if (config.source, config.samples, config.pixel_range) == (
                *self._data[:2],
                self._data[-1],
            ) and (difference := changes(data, self._samples.fingerprint)):
                return f"Run {run.words} was trained on other data: {difference}. "
        return ""

    @on(SampleGrid.Moved)
    def _on_moved(self, message: SampleGrid.Moved) -> None:
        self._index = message.index
        self.redraw()

    @on(SampleGrid.Opened)
    def _on_opened(self) -> None:
        self._opened = True
        self._go_to(_FLATTENING)

    @on(Flattening.Stepped)
    def _on_stepped(self, message: Flattening.Stepped) -> None:
        self._grid.go(self._index + message.by)
