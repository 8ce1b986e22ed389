"""The question before quitting while a run is going on."""

from typing import Literal

from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Static

from mnistop.tui.terminal.fault_tolerant import FaultTolerant
from mnistop.tui.toolkit.bindings import bindings, key

Answer = Literal["leave", "stop", "stay"]


class QuitScreen(FaultTolerant, ModalScreen[Answer]):
    """One line at the bottom; the charts stay in sight."""

    BINDINGS = bindings(
        "quit",
        key(
            "leave",
            "d,enter,q,ctrl+q,ctrl+c",
            "dismiss('leave')",
            "Leave it running",
            "Quit; training goes on and can be watched again",
        ),
        key("stop", "s", "dismiss('stop')", "Stop and save", "Quit once the run has saved"),
        key("stay", "escape", "dismiss('stay')", "Go on", "Do not quit"),
    )

    def compose(self) -> ComposeResult:
        """The line."""
        yield Static(
            "d quit, training goes on (Enter)   s stop, save and quit   Esc stay",
            markup=False,
        )
