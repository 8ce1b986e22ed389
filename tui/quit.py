"""The question before quitting while a run is going on."""

from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Static

from mnistop.tui.terminal.fault_tolerant import FaultTolerant

Answer = Literal["leave", "stop", "stay"]


class QuitScreen(FaultTolerant, ModalScreen[Answer]):
    """One line at the bottom; the charts stay in sight."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "d,enter,q,ctrl+q,ctrl+c",
            "dismiss('leave')",
            "Leave it running",
            id="quit.leave",
            tooltip="Quit; training goes on and can be watched again",
        ),
        Binding(
            "s",
            "dismiss('stop')",
            "Stop and save",
            id="quit.stop",
            tooltip="Quit once the run has saved",
        ),
        Binding(
            "escape",
            "dismiss('stay')",
            "Go on",
            id="quit.stay",
            tooltip="Do not quit",
        ),
    ]

    def compose(self) -> ComposeResult:
        """The line."""
        yield Static(
            "d quit, training goes on (Enter)   s stop, save and quit   Esc stay",
            markup=False,
        )
