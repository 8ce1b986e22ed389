"""How the dashboard's panes share the terminal, which has the keys, and buttons for the mouse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip as TextualStrip
from textual.widget import Widget

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import line
from mnistop.tui.draw.palette import Palette
from mnistop.tui.terminal.faults import FaultTolerant, FaultTolerantWidget
from mnistop.tui.toolkit.pane import textual_strip
from mnistop.tui.toolkit.tabs import Tabs

Mode = Literal["wide", "medium", "small", "too-small"]

MODES: tuple[Mode, ...] = ("wide", "medium", "small", "too-small")

LEAST = Size(60, 16)
"""Below this nothing can be shown that makes sense."""


def mode_for(size: Size) -> Mode:
    """What fits a terminal.

    `wide` shows all panes at once, `medium` charts, log and one of the others, `small` one pane
    at a time.
    """
    if size.width < LEAST.width or size.height < LEAST.height:
        return "too-small"
    if size.width >= 120 and size.height >= 38:
        return "wide"
    if size.width >= 100 and size.height >= 34:
        return "medium"
    return "small"


class Pane(NamedTuple):
    """A part of the dashboard."""

    name: str
    widget: Widget
    """What is shown and hidden."""
    keys: Widget
    """What gets the focus: the widget, or the one in it that takes keys."""
    always: bool = False
    """Whether it is shown wherever more than one pane is."""


class Dashboard(FaultTolerant, Vertical):
    """All panes at once, some of them, or one at a time, by the terminal's size.

    Args:
        terminal: what the terminal can show.
        panes: the panes, in the order in which Tab goes through them.
    """

    @dataclass
    class Rearranged(Message):
        """Other panes than before are shown, or in other places."""

    def __init__(self, terminal: Terminal, panes: Sequence[Pane]) -> None:
        super().__init__(id="dashboard")
        self.panes = panes
        self.active = panes[0]
        """The pane that has the focus, or had it last."""
        self.zoomed = False
        """Whether the active pane has all the room."""
        self._shared = panes[0]
        self._tabs = Tabs(terminal, id="tabs")
        self._arranged: tuple[Mode, list[Pane]] | None = None

    def compose(self) -> ComposeResult:
        """The names, and the panes, those first that are always shown."""
        self.set_class(True, self.mode)  # before there are panes whose styles depend on it
        yield self._tabs
        with Container(id="panes"):
            yield from (pane.widget for pane in self.panes if pane.always)
            yield from (pane.widget for pane in self.panes if not pane.always)

    @property
    def mode(self) -> Mode:
        """How many panes are shown."""
        mode = mode_for(self.app.size)
        return "small" if self.zoomed and mode != "too-small" else mode

    @property
    def can_zoom(self) -> bool:
        """Whether zooming, or its end, changes anything."""
        return self.zoomed or self.mode in ("wide", "medium")

    def fit(self) -> None:
        """Shows what fits the terminal."""
        mode = self.mode
        shown = [pane for pane in self.panes if self._is_shown(pane, mode)]
        self._tabs.show([pane.name for pane in self.panes], self.panes.index(self.active))
        if (mode, shown) != self._arranged:
            self._arranged = (mode, shown)
            for other in MODES:
                self.set_class(other == mode, other)
            for pane in self.panes:
                pane.widget.display = pane in shown
            if shown and self.screen.focused is None:
                self.go_to(self.active)
            self.post_message(self.Rearranged())

    def _is_shown(self, pane: Pane, mode: Mode) -> bool:
        match mode:
            case "wide":
                return True
            case "medium":
                return pane.always or pane is self._shared
            case "small":
                return pane is self.active
            case "too-small":
                return False

    def go_to(self, pane: Pane) -> None:
        """Shows a pane and gives it the keys."""
        self._activate(pane)
        self.screen.set_focus(pane.keys)

    def step(self, by: int) -> None:
        """Goes to the next pane (1) or the previous one (-1), round and round."""
        self.go_to(self.panes[(self.panes.index(self.active) + by) % len(self.panes)])

    def zoom(self) -> None:
        """Gives the active pane all the room, or takes it back."""
        self.zoomed = not self.zoomed
        self.fit()

    def on_descendant_focus(self) -> None:
        """Shows the pane that has got the focus."""
        focused = self.screen.focused
        for pane in self.panes:
            if focused and pane.widget in focused.ancestors_with_self:
                self._activate(pane)

    def _activate(self, pane: Pane) -> None:
        self.active = pane
        if not pane.always:
            self._shared = pane
        self.fit()

    @on(Tabs.Chosen)
    def _on_tab(self, message: Tabs.Chosen) -> None:
        self.go_to(self.panes[message.index])


class Controls(FaultTolerantWidget):
    """One line of words to click on.

    Args:
        terminal: what the terminal can show.
    """

    _WORDS: ClassVar[dict[str, str]] = {
        "train": "[r] Train",
        "pause": "[Space] Pause",
        "stop": "[s] Stop",
    }

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(id="controls")
        self._palette = Palette.of(terminal)
        self._possible: frozenset[str] = frozenset()

    def show(self, possible: frozenset[str]) -> None:
        """Draws what is possible as such.

        Args:
            possible: some of `train`, `pause` and `stop`.
        """
        if possible != self._possible:
            self._possible = possible
            self.refresh()

    def render_line(self, y: int) -> TextualStrip:
        """The line for Textual's compositor."""
        pieces = []
        for action, word in self._WORDS.items():
            possible = action in self._possible
            pieces.append((word, self._palette.strong if possible else self._palette.muted))
            pieces.append((" ", self._palette.muted))
        return textual_strip(line(pieces, self.size.width), self.rich_style)

    async def on_click(self, event: events.Click) -> None:
        """Does what was clicked on."""
        end = 0
        for action, word in self._WORDS.items():
            end += len(word) + 1
            if event.x < end:
                if action in self._possible:
                    await self.run_action(f"screen.{action}")
                return
