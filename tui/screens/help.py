"""Help, made from the tables of bindings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

_INTRODUCTION = (
    "mnistop trains a classifier of handwritten digits and shows how it learns, what it gets "
    "wrong and how little it takes to fool it. Set the hyperparameters, press r, and watch; "
    "Tab goes from pane to pane, and each pane has keys of its own."
)


@dataclass(frozen=True)
class Section:
    """The keys of one part of the screen."""

    title: str
    explanation: str
    bindings: Sequence[Binding]


class HelpScreen(ModalScreen[None]):
    """All keys, and what each pane is for.

    Args:
        sections: the parts of the screen, the one with the focus first.
        keymap: the keys that the user has chosen, by the ids of the bindings.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "escape,question_mark,f1,q",
            "dismiss",
            "Close",
            id="help.close",
            tooltip="Back to the screen",
        ),
        Binding(
            "down,j", "scroll('down')", "Scroll", False, id="help.down", tooltip="Further down"
        ),
        Binding("up,k", "scroll('up')", "Scroll", False, id="help.up", tooltip="Further up"),
        Binding(
            "pagedown,space",
            "scroll('page_down')",
            "Page",
            False,
            id="help.page_down",
            tooltip="A page further down",
        ),
        Binding(
            "pageup", "scroll('page_up')", "Page", False, id="help.page_up", tooltip="A page up"
        ),
    ]

    def __init__(self, sections: Sequence[Section], keymap: Mapping[str, str]) -> None:
        super().__init__()
        self._sections = sections
        self._keymap = keymap

    def compose(self) -> ComposeResult:
        """The text."""
        with VerticalScroll(can_focus=False):
            yield Static(_INTRODUCTION, markup=False)
            for section in self._sections:
                heading = Text(f"\n{section.title}", style="bold underline")
                yield Static(heading)
                if section.explanation:
                    yield Static(section.explanation, markup=False)
                yield Static(self._keys(section.bindings))
            yield Static("\nEsc closes this, ↑ and ↓ scroll.", markup=False)

    def _keys(self, bindings: Sequence[Binding]) -> Table:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True, width=14)
        table.add_column()
        for binding in bindings:
            keys = self._keymap.get(binding.id or "", binding.key).split(",")
            shown = [self.app.get_key_display(Binding(key.strip(), "", "")) for key in keys]
            table.add_row(Text(" ".join(shown), style="bold"), Text(binding.tooltip))
        return table

    def action_scroll(self, where: str) -> None:
        """Scrolls the text."""
        text = self.query_one(VerticalScroll)
        getattr(text, f"scroll_{where}")(animate=False)
