"""The app's own dialogs: before quitting, and in place of all else where the terminal is too
small."""

from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Static

from mnistop.tui.features.train.dashboard import LEAST, mode_for
from mnistop.tui.terminal.faults import FaultTolerant
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


class TooSmallScreen(FaultTolerant, ModalScreen[None]):
    """One sentence, and no keys but those that need nothing to be seen.

    It closes itself once there is room. Until it can, below a question, nothing is seen of it.
    """

    AUTO_FOCUS = ""
    ALLOW_SELECT = False
    ACTIONS: ClassVar = frozenset({"quit", "help", "suspend_process"})
    """What the app still does."""

    BINDINGS = bindings(
        "",
        key("quit", "q,ctrl+q,ctrl+c", "app.quit", "Quit", "Quit"),
        key("help", "?,f1", "app.help", "Help", "All keys"),
        key("suspend", "ctrl+z", "app.suspend_process", "Suspend", "To the shell"),
    )

    def __init__(self) -> None:
        super().__init__()
        self._sentence = Static(markup=False)

    def compose(self) -> ComposeResult:
        """The sentence."""
        yield self._sentence

    @property
    def _fits(self) -> bool:
        return mode_for(self.app.size) != "too-small"

    def on_resize(self) -> None:
        """Names the size, or closes where it is enough."""
        self.set_class(self._fits, "fits")
        self._sentence.update(
            f"The terminal has {self.app.size.width}×{self.app.size.height} cells; mnistop "
            f"needs {LEAST.width}×{LEAST.height}. Training is not affected."
        )
        self._close_if_it_fits()

    def on_screen_resume(self) -> None:
        """Closes if there is room since a question was put over it."""
        self._close_if_it_fits()

    def _close_if_it_fits(self) -> None:
        if self._fits and self.is_active:
            self.dismiss()
