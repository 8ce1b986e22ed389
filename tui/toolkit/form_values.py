"""The values of a form: their texts, and the editor of one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.widgets import Input
from textual.widgets.input import Selection

from mnistop.tui.terminal.faults import FaultTolerant
from mnistop.tui.terminal.textual_hooks import InputHook
from mnistop.tui.toolkit.bindings import bindings, key

PRESET = "preset"
"""The name of the row where a preset is chosen."""

CUSTOM = "custom"
"""The preset of values that are no preset's."""


class FormValues(ABC):
    """The texts of a form by the names of its rows, right or wrong.

    Texts that were typed are kept while a person looks at the presets.
    """

    without_effect: frozenset[str] = frozenset()
    """Names of the rows that change nothing."""

    def __init__(self) -> None:
        self.problems: dict[str, str] = {}
        """A sentence for each row that is wrong, by name."""
        self.preset = CUSTOM
        self.typed: Mapping[str, str] = {}
        """What differs from the texts that the rows start with."""
        self.by_hand: Mapping[str, str] = {}
        """The same when it was last no preset's."""

    @abstractmethod
    def evaluate(self) -> None:
        """Take over `typed`: what the texts make, or the problems."""

    @abstractmethod
    def label(self, name: str) -> str:
        """Return the label of a row."""

    @abstractmethod
    def start(self, name: str) -> str:
        """The text of a row before anything is typed."""

    @abstractmethod
    def is_changed(self, name: str) -> bool:
        """Return whether a row is marked as changed."""

    @abstractmethod
    def about(self, name: str, editing: bool = False) -> Sequence[str]:
        """Plain words on a row."""

    @abstractmethod
    def stepped(self, name: str, by: int) -> str:
        """The next usual text (`by` = 1) or the one before it (`by` = -1)."""

    @abstractmethod
    def tidied(self, name: str) -> str:
        """A text that is not wrong, as the program writes it."""

    @abstractmethod
    def presets(self) -> Sequence[str]:
        """The presets to step through, the first one that of a reset."""

    def texts_of(self, preset: str) -> Mapping[str, str]:
        """Return what a preset changes of the texts that the rows start with."""
        return {}

    def is_typed(self, name: str) -> bool:
        """Return whether a text can be typed, not only stepped through."""
        return name != PRESET

    def is_wrong(self, name: str) -> bool:
        """Return whether a text makes no sense in itself."""
        return name in self.problems

    def text(self, name: str) -> str:
        """The text of a row."""
        return self.preset if name == PRESET else self.typed.get(name, self.start(name))

    def state(self, name: str) -> str:
        """``problem``, ``no effect``, ``changed``, or nothing of these."""
        if name in self.problems:
            return "problem"
        if name in self.without_effect:
            return "no effect"
        return "changed" if self.is_changed(name) else ""

    def update(self, texts: Mapping[str, str]) -> None:
        """Replace some or all texts, right or wrong."""
        typed = {**self.typed, **texts}
        self.typed = {name: text for name, text in typed.items() if text != self.start(name)}
        self.evaluate()

    def tidy(self, name: str) -> None:
        """Write a text as the program does, as in 0.001 for 1e-3, unless it is wrong."""
        if not self.is_wrong(name):
            self.update({name: self.tidied(name)})

    def reset(self, name: str) -> None:
        """Go back to the text that a row started with."""
        if name == PRESET:
            self._take_preset(self.presets()[0])
        else:
            self.update({name: self.start(name)})

    def step(self, name: str, by: int) -> None:
        """Go to the next usual text (`by` = 1) or the one before it (`by` = -1)."""
        if name == PRESET:
            self._take_preset(next_round(self.presets(), self.preset, by))
        else:
            self.update({name: self.stepped(name, by)})

    def _take_preset(self, preset: str) -> None:
        if self.preset == CUSTOM:
            self.by_hand = self.typed
        self.preset = preset
        self.typed = self.by_hand if preset == CUSTOM else self.texts_of(preset)
        self.evaluate()


def next_round(stops: Sequence[Any], stop: Any, by: int) -> Any:
    """The next stop of a round; from outside, the first or the last one."""
    outside = -1 if by > 0 else len(stops)
    at = stops.index(stop) if stop in stops else outside
    return stops[(at + by) % len(stops)]


class ValueInput(FaultTolerant, InputHook, inherit_bindings=False):
    """An input that lies over the value of a row while it is edited.

    It has the bindings of `Input` alone: those that scroll would take keys which are the form's.

    Args:
        take: acts on a key that is no text.
        keep: ends the editing with the value, unless it is wrong.
        cancel: ends the editing with the old value.
        unicode: Whether characters outside ASCII can be shown.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *(each for each in Input.BINDINGS if isinstance(each, Binding) and each.key != "enter"),
        *bindings(
            "form",
            key("keep", "enter", "submit", "Keep", "Keep the value"),
            key("cancel", "escape", "cancel", "Undo", "Back to the old value"),
        ),
    ]

    DEFAULT_CSS = """
    ValueInput {
        position: absolute;
        display: none;
        &:ansi > .input--cursor {
            color: ansi_default;
            background: ansi_default;
            text-style: reverse;
        }
        &:ansi > .input--selection, &:nocolor > .input--selection {
            color: $foreground;
            background: $background;
            text-style: underline;
        }
    }
    """

    def __init__(
        self,
        take: Callable[[events.Key], Awaitable[object]],
        keep: Callable[[], object],
        cancel: Callable[[], object],
        unicode: bool,
    ) -> None:
        super().__init__(compact=True, select_on_focus=False)
        self._take, self._keep, self._cancel = take, keep, cancel
        self._unicode = unicode
        self.cursor_blink = False

    def open(self, value: str, place: Region) -> None:
        """Show a value, selected, so that typing replaces it."""
        self.value = value
        self.selection = Selection(0, len(value))
        self.place(place)
        self.display = True
        self.screen.set_focus(self, scroll_visible=False)

    def place(self, place: Region) -> None:
        """Lie over a region of the form."""
        self.styles.offset = place.offset
        self.styles.width = place.width

    async def on_key(self, event: events.Key) -> None:
        """Take what is typed; all else is the form's to decide."""
        if not (self.display and event.is_printable):
            event.prevent_default()
            await self._take(event)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Keep from the form what is for the text: `Input` puts its cursor there."""
        event.stop()

    async def action_submit(self) -> None:
        """Keep the value where it is right."""
        self._keep()

    def action_cancel(self) -> None:
        """Give the old value back."""
        self._cancel()

    @property
    def shown_text(self) -> Text:
        """The value, character for character, as it is safe to draw."""
        shown = (
            char if char.isprintable() and (self._unicode or char.isascii()) else "?"
            for char in self.value
        )
        return Text("".join(shown), no_wrap=True, overflow="ignore", end="")
