"""The names of all screens with their keys, in one line on top of each, the present one marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.style import Style
from textual import events
from textual.strip import Strip as TextualStrip

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import clean, line
from mnistop.tui.draw.palette import Palette
from mnistop.tui.terminal.faults import FaultTolerantWidget
from mnistop.tui.toolkit.pane import textual_strip

SCREENS = {
    "train": ("1", "Train", "Train: set the hyperparameters, train, watch"),
    "mistakes": ("2", "Mistakes", "Mistakes: what the model gets wrong, image by image"),
    "attack": ("3", "Attack", "Attack: how small a change fools the model"),
    "weights": ("4", "Weights", "Weights: what the first layer looks for; the network"),
    "data": ("5", "Data", "Data: what the model learns from"),
    "runs": ("6", "Runs", "Runs: everything trained so far; compare, resume, delete"),
    "rates": ("f", "Rates", "Learning rates: find one that is too low, too high, or good"),
    "pad": ("e", "Draw", "Draw a digit of your own and see how the model classifies it"),
}
"""The screens in the order in which they are named: the key, the name, and what each is for."""

_FORMS = (("  ", " "), (" ", " "), (" ", ""))
"""What is between two screens and between a key and its name; shorter forms for less room."""


class _Item(NamedTuple):
    screen: str
    key: str
    gap: str
    name: str

    @property
    def text(self) -> str:
        return f"{self.key}{self.gap}{self.name}"


class ScreenBar(FaultTolerantWidget):
    """One line; a click on a name opens its screen.

    Args:
        terminal: what the terminal can show.
        present: the name of the screen that it stands on, as in `SCREENS`.
    """

    def __init__(self, terminal: Terminal, present: str) -> None:
        super().__init__(id="screen-bar")
        self._terminal = terminal
        self._present = present
        self._palette = Palette.of(terminal)
        self._mark = "▸" if terminal.unicode else ">"
        self._between = ""
        self._shown: list[_Item] = []

    def on_mount(self) -> None:
        """Follows the keys, which a keymap may change."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self._update())
        self._update()

    def on_resize(self) -> None:
        """Takes the form for which there is room."""
        self._update()

    def _update(self) -> None:
        if not self.screen.is_active:
            return
        keys = {
            active.binding.action: clean(self.app.get_key_display(active.binding), self._terminal)
            for active in self.screen.active_bindings.values()
        }
        fitting = self._fitting(keys)
        if fitting != (self._between, self._shown):
            self._between, self._shown = fitting
            self.refresh()

    def _fitting(self, keys: dict[str, str]) -> tuple[str, list[_Item]]:
        """The longest form that fits; without the keys where even the shortest is too long."""
        for between, gap in _FORMS:
            items = [
                _Item(screen, key := keys.get(f"go('{screen}')", ""), gap if key else "", name)
                for screen, (_, name, _) in SCREENS.items()
            ]
            if _width(items, between) <= self.size.width:
                return between, items
        return " ", [item._replace(key="", gap="") for item in items]

    def render_line(self, y: int) -> TextualStrip:
        """The line for Textual's compositor."""
        pieces: list[tuple[str, Style]] = []
        for number, item in enumerate(self._shown):
            is_present = item.screen == self._present
            before = self._between if number else " "
            if is_present:
                pieces.append((before[:-1] + self._mark, self._palette.strong))
                pieces.append((item.text, self._palette.cursor + self._palette.strong))
            else:
                pieces.append((before, self._palette.muted))
                pieces.append((item.key, self._palette.train + self._palette.strong))
                pieces.append((item.gap + item.name, self._palette.muted))
        return textual_strip(line(pieces, self.size.width), self.rich_style)

    async def on_click(self, event: events.Click) -> None:
        """Opens the screen whose name was clicked."""
        end = 1
        for item in self._shown:
            end += len(item.text)
            if event.x < end:
                await self.app.run_action(f"go('{item.screen}')", self.app)
                return
            end += len(self._between)


def _width(items: Sequence[_Item], between: str) -> int:
    return 1 + sum(len(item.text) for item in items) + len(between) * (len(items) - 1)
