"""Questions to the person, and the help, which is made from the tables of keys."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import clean
from mnistop.tui.terminal.faults import FaultTolerant
from mnistop.tui.toolkit.bindings import bindings, hidden, key, keys_of
from mnistop.tui.toolkit.preferences import preferences_place

_INTRODUCTION = (
    "mnistop trains a classifier of handwritten digits and shows how it learns, what it gets "
    "wrong and how little it takes to fool it. Set the hyperparameters, press r, and watch; "
    "Tab goes from pane to pane, and each pane has keys of its own."
)

_WITH_NAMES = 104
"""Columns from which on the names of the bindings are shown, too."""


@dataclass(frozen=True)
class Section:
    """The keys of one part of the screen."""

    title: str
    explanation: str
    bindings: Sequence[Binding]


class HelpScreen(FaultTolerant, ModalScreen[None]):
    """All keys, and what each pane is for.

    Args:
        sections: the parts of the screen, the one with the focus first.
        keymap: the keys that the user has chosen, by the ids of the bindings.
    """

    BINDINGS = bindings(
        "help",
        key("close", "escape,?,f1,q", "dismiss", "Close", "Back to the screen"),
        hidden("down", "down,j", "scroll('down')", "Scroll", "Further down"),
        hidden("up", "up,k", "scroll('up')", "Scroll", "Further up"),
        hidden("page_down", "pagedown,space", "scroll('page_down')", "Page", "A page further down"),
        hidden("page_up", "pageup", "scroll('page_up')", "Page", "A page up"),
        hidden("home", "home", "scroll('home')", "Start", "To the start"),
        hidden("end", "end", "scroll('end')", "End", "To the end"),
    )

    def __init__(self, sections: Sequence[Section], keymap: Mapping[str, str]) -> None:
        super().__init__()
        self._sections = sections
        self._keymap = keymap

    def compose(self) -> ComposeResult:
        """Make the text."""
        with VerticalScroll(can_focus=False):
            yield Static(_INTRODUCTION, markup=False)
            for section in self._sections:
                heading = Text(f"\n{section.title}", style="bold underline")
                yield Static(heading)
                if section.explanation:
                    yield Static(section.explanation, markup=False)
                yield Static(self._keys(section.bindings))
            yield Static(f"\n{self._about_names()}", markup=False)
            yield Static("Esc closes this, ↑ and ↓ scroll.", markup=False)

    def _keys(self, bindings: Sequence[Binding]) -> Table:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), expand=True)
        table.add_column(no_wrap=True, width=14)
        table.add_column(ratio=1)
        if self._names_fit:
            table.add_column(no_wrap=True, width=17)
        for binding in bindings:
            keys = keys_of(binding, self._keymap)
            shown = [self.app.get_key_display(Binding(key, "", "")) for key in keys]
            row = [Text(" ".join(shown), style="bold"), Text(binding.tooltip)]
            if self._names_fit:
                row.append(Text(binding.id or "", style="dim"))
            table.add_row(*row)
        return table

    @property
    def _names_fit(self) -> bool:
        return self.app.size.width >= _WITH_NAMES

    def _about_names(self) -> str:
        if self._names_fit:
            return (
                "Any key can be changed, by the names on the right, in the file "
                f'{preferences_place()}: [keys] on a line, and below it train = "t".'
            )
        return f"In a terminal of {_WITH_NAMES} columns this also says how to change the keys."

    def action_scroll(self, where: str) -> None:
        """Scroll the text."""
        text = self.query_one(VerticalScroll)
        getattr(text, f"scroll_{where}")(animate=False)


class AskScreen(FaultTolerant, ModalScreen[bool]):
    """A question with yes or no.

    Args:
        terminal: what the terminal can show.
        question: what, with what it means.
    """

    BINDINGS = bindings(
        "ask",
        key("yes", "y", "dismiss(True)", "Yes", "Do it"),
        key("no", "n,escape,q", "dismiss(False)", "No", "Leave it as it is"),
    )

    def __init__(self, terminal: Terminal, question: str) -> None:
        super().__init__()
        self._question = clean(question, terminal)

    def compose(self) -> ComposeResult:
        """Yield the line."""
        yield Static(f"{self._question}  y yes   Esc no", markup=False)


class AskTextScreen(FaultTolerant, ModalScreen[str | None]):
    """A question for a text; Esc changes nothing.

    Args:
        terminal: what the terminal can show.
        label: what for.
        text: what it is so far.
        longest: how many characters it may have.
        does: what Enter does with it, in a word.
    """

    BINDINGS = bindings(
        "ask",
        key("leave", "escape", "dismiss(None)", "Leave", "Change nothing"),
    )

    DEFAULT_CSS = """
    AskTextScreen {
        & Horizontal { height: 1; background: $surface; }
        & Static { width: auto; padding: 0 1; text-style: bold; }
        & .keys { text-style: none; }
        & Input { width: 1fr; }
        & Input:ansi > .input--cursor {
            color: ansi_default; background: ansi_default; text-style: reverse;
        }
    }
    """

    def __init__(
        self, terminal: Terminal, label: str, text: str, longest: int, does: str = "keep"
    ) -> None:
        super().__init__()
        self._does = does
        self._label = clean(label, terminal)
        self._input = Input(text, compact=True, select_on_focus=False, max_length=longest)
        self._input.cursor_blink = False

    def compose(self) -> ComposeResult:
        """Yield the label and the input."""
        with Horizontal():
            yield Static(self._label, markup=False)
            yield self._input
            yield Static(f"Enter {self._does}   Esc leave", classes="keys", markup=False)

    @on(Input.Submitted)
    def _on_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)
