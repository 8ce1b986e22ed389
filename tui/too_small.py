"""What is shown in place of all else where the terminal is too small for it."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Static

from mnistop.tui.features.train.layout import LEAST, mode_for
from mnistop.tui.terminal.fault_tolerant import FaultTolerant
from mnistop.tui.toolkit.bindings import bindings, key


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
