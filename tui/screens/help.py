"""Help, made from the bindings that are in force."""

from collections.abc import Iterable
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

_INTRODUCTION = (
    "mnistop trains a classifier of handwritten digits and shows how it learns, what it gets "
    "wrong and how little it takes to fool it. Set the hyperparameters, press r, and watch; "
    "Tab goes from pane to pane, and each pane has keys of its own."
)


class HelpScreen(ModalScreen[None]):
    """All keys of the screen below, and what the focused pane is for.

    Args:
        bindings: the bindings in force.
        explanation: what the focused pane shows, in plain words.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "escape,question_mark,f1,q",
            "dismiss",
            "Close",
            id="help.close",
            tooltip="Back to the screen",
        ),
    ]

    def __init__(self, bindings: Iterable[ActiveBinding], explanation: str) -> None:
        super().__init__()
        self._explained = list(bindings)
        self._explanation = explanation

    def compose(self) -> ComposeResult:
        """The text."""
        with VerticalScroll():
            yield Static(_INTRODUCTION, markup=False)
            if self._explanation:
                yield Static(f"\nThe focused pane: {self._explanation}", markup=False)
            yield Static(self._keys())
            yield Static("Esc closes this.", markup=False)

    def _keys(self) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0), title_justify="left")
        table.add_column("\nkey", no_wrap=True)
        table.add_column("\nwhat it does")
        shown: dict[tuple[str, str], list[str]] = {}
        for active in self._explained:
            binding = active.binding
            if binding.tooltip:
                key = self.app.get_key_display(Binding(binding.key, binding.action))
                shown.setdefault((str(active.node.id), binding.tooltip), []).append(key)
        for (_, tooltip), keys in shown.items():
            table.add_row(Text(" ".join(dict.fromkeys(keys)), style="bold"), Text(tooltip))
        return table
