"""The keys that are possible now, in one line."""

from typing import NamedTuple

from textual import events
from textual.dom import DOMNode
from textual.strip import Strip as TextualStrip

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import clean, line
from mnistop.tui.draw.palette import Palette
from mnistop.tui.terminal.fault_tolerant import FaultTolerantWidget
from mnistop.tui.toolkit.textual_strip import textual_strip

_GAP = 2
_NEXT_PANE = "next_pane(1)"
_BACK = "back"
_ANY_WAY = ("←↑↓→", "arrows")


class _Item(NamedTuple):
    key: str
    words: str
    action: str
    node: DOMNode

    @property
    def width(self) -> int:
        return len(self.key) + 1 + len(self.words) + _GAP


class KeyBar(FaultTolerantWidget):
    """One line, made from the bindings in force; a click does what it says.

    Textual's `Footer` mounts a widget for each key anew whenever the focus moves, and cuts off the
    last keys where there is no room; here those of the focused pane give way.

    Args:
        terminal: what the terminal can show.
    """

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(id="key-bar")
        self._terminal = terminal
        self._palette = Palette.of(terminal)
        self._key_style = self._palette.train + self._palette.strong
        self._shown: list[_Item] = []

    def on_mount(self) -> None:
        """Follows what is possible."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self._update())
        self._update()

    def on_resize(self) -> None:
        """Shows as many keys as there is room for."""
        self._update()

    def _update(self) -> None:
        if not self.screen.is_active:
            return
        shown = self._fitting(self._items(), self.size.width)
        if shown != self._shown:
            self._shown = shown
            self.refresh()

    def _items(self) -> list[_Item]:
        items: dict[str, _Item] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.show:
                key = clean(self.app.get_key_display(binding), self._terminal)
                words = clean(binding.description, self._terminal)
                item = _Item(key, words, binding.action, active.node)
                items.setdefault(binding.action, item)
        return list(items.values())

    def _fitting(self, items: list[_Item], room: int) -> list[_Item]:
        """The app's first, then the screen's own, the focused pane's, and those of all screens.

        Where there is no room for all, what goes without saying gives way first. The other screens
        are named by the `ScreenBar`.
        """
        room += _GAP
        own = {binding.action for binding in vars(type(self.screen)).get("BINDINGS", ())}

        def weight(item: _Item) -> int:
            if item.node is self.app:
                return 0
            if item.node is self.screen and item.action != _NEXT_PANE:
                return 1 if item.action in own else 6 if item.action == _BACK else 5
            return 4 if item.key in _ANY_WAY else 3

        kept = set()
        for item in sorted(items, key=weight):
            if item.width <= room:
                room -= item.width
                kept.add(item)
        return [item for item in items if item in kept]

    def render_line(self, y: int) -> TextualStrip:
        """The line for Textual's compositor."""
        pieces = []
        for item in self._shown:
            pieces += [(item.key, self._key_style), (f" {item.words}  ", self._palette.muted)]
        return textual_strip(line(pieces, self.size.width), self.rich_style)

    async def on_click(self, event: events.Click) -> None:
        """Does what was clicked on."""
        end = 0
        for item in self._shown:
            end += item.width
            if event.x < end:
                await self.app.run_action(item.action, item.node)
                return
