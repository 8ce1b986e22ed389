"""Panes that share a place: all at once where there is room, else one below the names of all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.terminal.faults import FaultTolerant
from mnistop.tui.toolkit.bars import Bar, Item
from mnistop.tui.toolkit.bindings import declared
from mnistop.tui.toolkit.dialogs import Section

Mode = Literal["wide", "medium", "small", "too-small"]
MODES: tuple[Mode, ...] = ("wide", "medium", "small", "too-small")


class Tabs(Bar):
    """One line of the names of panes; a click on one shows it.

    Args:
        terminal: what the terminal can show.
        host: the panes.
    """

    DEFAULT_CSS = "Tabs { height: 1; }"

    def __init__(self, terminal: Terminal, host: PaneHost) -> None:
        super().__init__(terminal, "tabs")
        self._host = host

    def update_items(self) -> None:
        """Follow the panes, also on a screen below another."""
        self.show(self.items(self.size.width))

    def items(self, width: int) -> list[Item]:
        """Return all names, and the key for the next one."""
        host, palette = self._host, self._palette
        tabs = [
            Item(
                [(f" {pane.name} ", palette.cursor if pane is host.active else palette.muted)],
                f"tab({index})",
                host,
            )
            for index, pane in enumerate(host.panes)
        ]
        following = (host.panes.index(host.active) + 1) % len(tabs)
        return [*tabs, Item([("  Tab: next", palette.muted)], f"tab({following})", host)]


class Pane(NamedTuple):
    """One of the panes."""

    name: str
    widget: Widget
    """What is shown and hidden."""
    keys: Widget
    """What gets the focus: the widget, or the one in it that takes keys."""
    always: bool = False
    """Whether it is shown wherever more than one pane is."""
    parts: Sequence[type[Widget]] = ()
    """Widgets in it that take other keys."""


class PaneHost(FaultTolerant, Vertical):
    """All panes (`wide`), some of them (`medium`), or one at a time (`small`).

    The mode is also the host's class, and that of the container of the panes is `panes`.

    Args:
        terminal: what the terminal can show.
        panes: the panes, in the order in which Tab goes through them.
        above: widgets above them that take no keys; a subclass shows and hides them.
        id: the widget's id.
    """

    DEFAULT_CSS = """
    PaneHost { height: 1fr; }
    PaneHost > .panes { height: 1fr; }
    PaneHost.wide > Tabs { display: none; }
    """

    WIDE: ClassVar[Size]
    """The least terminal for all panes at once."""

    @dataclass
    class Rearranged(Message):
        """Other panes than before are shown, or in other places."""

    def __init__(
        self,
        terminal: Terminal,
        panes: Sequence[Pane],
        *,
        above: Sequence[Widget] = (),
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._above = above
        self.panes = panes
        self.active = panes[0]
        """The pane that has the focus, or had it last."""
        self.zoomed = False
        """Whether the active pane has all the room."""
        self._shared = next(pane for pane in panes if not pane.always)
        """The pane that is shown beside those that always are."""
        self._tabs = Tabs(terminal, self)
        self._body = Container(classes="panes")
        self._arranged: tuple[Mode, list[Pane]] | None = None

    def mode_for(self, size: Size) -> Mode:
        """Return how many panes fit a terminal of some size."""
        is_wide = size.width >= self.WIDE.width and size.height >= self.WIDE.height
        return "wide" if is_wide else "small"

    def on_mount(self) -> None:
        """Start with the first pane."""
        self.go_to(self.active)

    def on_resize(self) -> None:
        """Find the arrangement that fits."""
        self.fit()

    def compose(self) -> ComposeResult:
        """Yield the names, and the panes, those first that are always shown."""
        self.set_class(True, self.mode)  # before there are panes whose styles depend on it
        yield self._tabs
        with self._body:
            yield from self._above
            yield from (pane.widget for pane in self.panes if pane.always)
            yield from (pane.widget for pane in self.panes if not pane.always)

    @property
    def mode(self) -> Mode:
        """The arrangement of the panes."""
        mode = self.mode_for(self.app.size)
        return "small" if self.zoomed and mode != "too-small" else mode

    @property
    def can_zoom(self) -> bool:
        """True if zooming, or its end, changes anything."""
        return self.zoomed or self.mode in ("wide", "medium")

    def fit(self) -> None:
        """Show what fits the terminal."""
        mode = self.mode
        shown = [pane for pane in self.panes if self._is_shown(pane, mode)]
        self._tabs.update_items()
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
        """Show a pane and give it the keys."""
        self._activate(pane)
        self.screen.set_focus(pane.keys)

    def go_to_name(self, name: str) -> None:
        """Show the pane of a name, if there is one, and give it the keys."""
        for pane in self.panes:
            if pane.name == name:
                self.go_to(pane)

    def step(self, by: int) -> None:
        """Go to the next pane (1) or the previous one (-1), round and round."""
        self.go_to(self.panes[(self.panes.index(self.active) + by) % len(self.panes)])

    def sections(self, title: Callable[[str], str] = str) -> list[Section]:
        """Return each pane's purpose and keys, for the help; the active pane first.

        Args:
            title: makes a section's title of a pane's name.
        """
        first = self.panes.index(self.active)
        return [
            Section(
                title(pane.name),
                getattr(pane.keys, "EXPLANATION", ""),
                declared(type(pane.keys), *pane.parts),
            )
            for pane in (*self.panes[first:], *self.panes[:first])
        ]

    def zoom(self) -> None:
        """Enlarge the active pane to all the room, or restore it."""
        self.zoomed = not self.zoomed
        self.fit()

    def on_descendant_focus(self) -> None:
        """Show the pane that has got the focus."""
        focused = self.screen.focused
        for pane in self.panes:
            if focused and pane.widget in focused.ancestors_with_self:
                self._activate(pane)

    def _activate(self, pane: Pane) -> None:
        self.active = pane
        if not pane.always:
            self._shared = pane
        self.fit()

    def action_tab(self, index: int) -> None:
        """Show a pane and give it the keys."""
        self.go_to(self.panes[index])
