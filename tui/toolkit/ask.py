"""One line at the bottom that asks for a yes, or for a text; what is above stays in sight."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import clean
from mnistop.tui.terminal.fault_tolerant import FaultTolerant
from mnistop.tui.toolkit.bindings import bindings, key


class AskScreen(FaultTolerant, ModalScreen[bool]):
    """Asks whether something is to be done.

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
        """The line."""
        yield Static(f"{self._question}  y yes   Esc no", markup=False)


class AskTextScreen(FaultTolerant, ModalScreen[str | None]):
    """Asks for a text; Esc leaves it as it was.

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
        """The label and the input."""
        with Horizontal():
            yield Static(self._label, markup=False)
            yield self._input
            yield Static(f"Enter {self._does}   Esc leave", classes="keys", markup=False)

    @on(Input.Submitted)
    def _on_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)
