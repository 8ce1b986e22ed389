"""The lines on top and at the bottom of every screen: the screens, and the keys possible now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.dom import DOMNode
from textual.strip import Strip as TextualStrip

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import clean, line
from mnistop.tui.draw.palette import Palette
from mnistop.tui.terminal.faults import FaultTolerantWidget
from mnistop.tui.toolkit.pane import textual_strip


class ScreenRow(NamedTuple):
    """A screen as it is named everywhere."""

    key: str = ""
    """That opens it from anywhere; empty for one that another screen opens."""
    name: str = ""
    """In the line on top."""
    tip: str = ""
    """What it is for."""


SCREENS = {
    "train": ScreenRow("1", "Train", "Train: set the hyperparameters, train, watch"),
    "mistakes": ScreenRow("2", "Mistakes", "Mistakes: what the model gets wrong, image by image"),
    "attack": ScreenRow("3", "Attack", "Attack: how small a change fools the model"),
    "weights": ScreenRow("4", "Weights", "Weights: what the first layer looks for; the network"),
    "data": ScreenRow("5", "Data", "Data: what the model learns from"),
    "runs": ScreenRow("6", "Runs", "Runs: everything trained so far; compare, resume, delete"),
    "course": ScreenRow("7", "Course", "Course: lessons with questions; your answers are kept"),
    "loop": ScreenRow("8", "Loop", "Loop: the training loop, line by line"),
    "code": ScreenRow(),
    "compare": ScreenRow(),
    "sweep": ScreenRow(),
    "rates": ScreenRow("f", "Rates", "Learning rates: find one that is too low, too high, or good"),
    "pad": ScreenRow("e", "Draw", "Draw a digit of your own and see how the model classifies it"),
}
"""The screens in the order in which the line on top and the help have them.

Each is the class `NAMEScreen` in `mnistop.tui.features.NAME.screen`: its folder and its row here
are all that a screen takes.
"""

PANES: dict[str, tuple[str, ...]] = {name: () for name in SCREENS if name != "course"} | {
    "train": ("Hyperparameters", "Charts", "Log", "Confusion", "Digit"),
    "attack": ("Attack", "How little it takes", "Accuracy", "Images"),
    "weights": ("Weights", "Network"),
    "data": ("Images", "Flattening", "Findings", "Labels"),
    "loop": ("Code", "Numbers", "Image", "Losses"),
}
"""The screens that a lesson can open, and the panes that it can go to there."""

_FORMS = (("  ", " "), (" ", " "), (" ", ""))
"""What is between two screens and between a key and its name; shorter forms for less room."""
_CUTS = (6, 5, 4, 3)
"""Letters of the other screens' names where there is still less."""

_GAP = 2
_NEXT_PANE = "next_pane(1)"
_BACK = "back"
_ANY_WAY = ("←↑↓→", "arrows")


class Item(NamedTuple):
    """A part of a line, and the action that a click on it runs on a node."""

    pieces: Sequence[tuple[str, Style]]
    action: str
    node: DOMNode

    @property
    def width(self) -> int:
        """The item's width in cells."""
        return sum(len(text) for text, _ in self.pieces)


class Bar(FaultTolerantWidget):
    """A line of items that follows the bindings in force.

    Args:
        terminal: what the terminal can show.
        id: the widget's id.
    """

    def __init__(self, terminal: Terminal, id: str) -> None:
        super().__init__(id=id)
        self._terminal = terminal
        self._palette = Palette.of(terminal)
        self._key_style = self._palette.train + self._palette.strong
        self._shown: Sequence[Item] = ()

    def items(self, width: int) -> Sequence[Item]:
        """Return the items that fit in some cells, in their order."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Follow what is possible."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.update_items())
        self.update_items()

    def on_resize(self) -> None:
        """Show as much as there is room for."""
        self.update_items()

    def update_items(self) -> None:
        """Follow the bindings, while those of this screen are in force."""
        if self.screen.is_active:
            self.show(self.items(self.size.width))

    def show(self, items: Sequence[Item]) -> None:
        """Draw other items."""
        if items != self._shown:
            self._shown = items
            self.refresh()

    def key_name(self, binding: Binding) -> str:
        """Return what the user calls the key of a binding."""
        return clean(self.app.get_key_display(binding), self._terminal)

    def render_line(self, y: int) -> TextualStrip:
        """Return the line for Textual's compositor."""
        pieces = [piece for item in self._shown for piece in item.pieces]
        return textual_strip(line(pieces, self.size.width), self.rich_style)

    async def on_click(self, event: events.Click) -> None:
        """Act on what was clicked."""
        end = 0
        for item in self._shown:
            end += item.width
            if event.x < end:
                await self.app.run_action(item.action, item.node)
                return


class ScreenBar(Bar):
    """The names of all screens with their keys, the present one marked; a click opens one.

    Args:
        terminal: what the terminal can show.
        present: the name of the screen that it stands on, as in `SCREENS`.
    """

    def __init__(self, terminal: Terminal, present: str) -> None:
        super().__init__(terminal, "screen-bar")
        self._present = present
        self._mark = "▸" if terminal.unicode else ">"

    def items(self, width: int) -> list[Item]:
        """Return the longest form that fits; where none does, other names than this are cut."""
        keys = {
            active.binding.action: self.key_name(active.binding)
            for active in self.screen.active_bindings.values()
        }
        forms = [(between, gap, 99) for between, gap in _FORMS]
        forms += [(*_FORMS[-1], letters) for letters in _CUTS]
        for between, gap, letters in forms:
            items = self._in_form(keys, between, gap, letters)
            if sum(item.width for item in items) <= width:
                break
        return items

    def _in_form(self, keys: dict[str, str], between: str, gap: str, letters: int) -> list[Item]:
        items: list[Item] = []
        palette = self._palette
        for screen, (_, name, _) in SCREENS.items():
            if not name:
                continue
            action = f"go('{screen}')"
            key = keys.get(action, "")
            before = between if items else " "
            end = (gap if key else "") + (name if screen == self._present else name[:letters])
            if screen == self._present:
                before = before[:-1] + self._mark
                pieces = [(before, palette.strong), (key + end, palette.cursor + palette.strong)]
            else:
                pieces = [(before, palette.muted), (key, self._key_style), (end, palette.muted)]
            items.append(Item(pieces, action, self.app))
        return items


class KeyBar(Bar):
    """The keys that are possible now; a click does what it says.

    Textual's `Footer` mounts a new widget for each key whenever the focus moves, and cuts off the
    last keys where there is no room; here those of the focused pane give way.

    Args:
        terminal: what the terminal can show.
    """

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal, "key-bar")

    def items(self, width: int) -> list[Item]:
        """Return the app's keys first, then the screen's, the focused pane's, and all screens'.

        Where there is no room for all, what goes without saying gives way first. The other screens
        are named by the `ScreenBar`.
        """
        items: dict[str, Item] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.show:
                words = clean(binding.description, self._terminal)
                key, rest = self.key_name(binding), (f" {words}  ", self._palette.muted)
                item = Item([(key, self._key_style), rest], binding.action, active.node)
                items.setdefault(binding.action, item)
        room = width + _GAP
        kept = set()
        for item in sorted(items.values(), key=self._rank):
            if item.width <= room:
                room -= item.width
                kept.add(item.action)
        return [item for item in items.values() if item.action in kept]

    def _rank(self, item: Item) -> int:
        """Rank an item; the last ones give way first."""
        if item.node is self.app:
            return 0
        if item.node is self.screen and item.action != _NEXT_PANE:
            own = {binding.action for binding in vars(type(self.screen)).get("BINDINGS", ())}
            return 1 if item.action in own else 6 if item.action == _BACK else 5
        return 4 if item.pieces[0][0] in _ANY_WAY else 3
