"""How the panes of the attack screen share the room, and which of them has the keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container, Vertical

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.attack.accuracy_chart import AccuracyChart
from mnistop.tui.features.attack.fragile_list import FragileList
from mnistop.tui.features.attack.proof import Proof
from mnistop.tui.features.attack.view import AttackView
from mnistop.tui.terminal.fault_tolerant import FaultTolerant
from mnistop.tui.toolkit.lines import LinesPane
from mnistop.tui.toolkit.tabs import Tabs

_WIDE, _HIGH = 118, 34
"""From so many cells and lines on, all panes are shown at once."""
_PICTURES = 28
"""Lines of the pictures and their probabilities."""
_LEAST_BELOW = 9
"""Lines of the chart and the list, at least."""
_BESIDE = 62
"""From so many lines on, large pictures have their probabilities below them."""
_BELOW_LARGE = 16


class Place(NamedTuple):
    """A pane and what it is called."""

    name: str
    pane: LinesPane


class AttackPanes(FaultTolerant, Vertical):
    """All panes at once, or one at a time below their names.

    Args:
        terminal: what the terminal can show.
    """

    DEFAULT_CSS = """
    AttackPanes { height: 1fr; }
    AttackPanes #attack-tabs { height: 1; }
    AttackPanes #attack-body { height: 1fr; }
    AttackPanes #attack-body > * { height: 1fr; }
    AttackPanes #attack-body.wide {
        layout: grid; grid-size: 2; grid-columns: 1fr 33; grid-gutter: 0 1;
    }
    """

    def __init__(self, terminal: Terminal) -> None:
        super().__init__()
        self.view = AttackView(terminal)
        self.proof = Proof(terminal)
        self.chart = AccuracyChart(terminal)
        self.list = FragileList(terminal)
        self.places: Sequence[Place] = (
            Place("Attack", self.view),
            Place("How little it takes", self.proof),
            Place("Accuracy", self.chart),
            Place("Images", self.list),
        )
        self.active = self.places[0]
        """The pane that has the focus, or had it last."""
        self.zoomed = False
        """Whether the active pane has all the room."""
        self._tabs = Tabs(terminal, id="attack-tabs")
        self._body = Container(id="attack-body")

    def compose(self) -> ComposeResult:
        """The names, and the panes."""
        yield self._tabs
        with self._body:
            yield from (place.pane for place in self.places)

    def on_mount(self) -> None:
        """Starts with the pictures."""
        self.go_to(self.active)

    @property
    def has_room(self) -> bool:
        """Whether all panes fit the terminal."""
        width, height = self.app.size
        return width >= _WIDE and height >= _HIGH

    def _fit(self) -> None:
        all_shown = self.has_room and not self.zoomed
        self._tabs.display = not all_shown
        self._tabs.show([place.name for place in self.places], self.places.index(self.active))
        self._body.set_class(all_shown, "wide")
        self.view.is_alone = not all_shown
        for place in self.places:
            place.pane.display = all_shown or place is self.active
        if all_shown:
            rows = self.app.size.height - 3
            below = _BELOW_LARGE if rows >= _BESIDE else max(_LEAST_BELOW, rows - _PICTURES)
            self._body.styles.grid_rows = f"{rows - below} 1fr"

    def on_resize(self, event: events.Resize) -> None:
        """Finds the arrangement that fits."""
        self._fit()

    def go_to(self, place: Place) -> None:
        """Shows a pane and gives it the keys."""
        self.active = place
        self._fit()
        self.screen.set_focus(place.pane)

    def step(self, by: int) -> None:
        """Goes to the next pane (1) or the previous one (-1), round and round."""
        self.go_to(self.places[(self.places.index(self.active) + by) % len(self.places)])

    def zoom(self) -> None:
        """Gives the active pane all the room, or takes it back."""
        self.zoomed = not self.zoomed
        self._fit()

    def on_descendant_focus(self) -> None:
        """Shows the pane that has got the focus."""
        for place in self.places:
            if place.pane is self.screen.focused:
                self.active = place
                self._fit()

    @on(Tabs.Chosen)
    def _on_tab(self, message: Tabs.Chosen) -> None:
        self.go_to(self.places[message.index])
