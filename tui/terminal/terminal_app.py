"""How the app shares a terminal with a person at the far end of a line."""

from collections.abc import Sequence

from textual import events, on
from textual.filter import LineFilter, NoColor
from textual.notifications import SeverityLevel

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.terminal import faults, garbage_collection
from mnistop.tui.terminal.driver import EndRequested, NotSuspended, TerminalDriver
from mnistop.tui.terminal.faults import FaultTolerant
from mnistop.tui.terminal.line_filters import AsciiOnly, each_once
from mnistop.tui.terminal.scheduler import Pace
from mnistop.tui.terminal.typed_ahead import TypedAhead


class TerminalApp(FaultTolerant, TypedAhead):
    """An app that leaves the terminal as it found it, and the line as free as it can.

    A slow line gets fewer frames, a stalled one none, and then the newest (`TerminalDriver`).

    Args:
        terminal: what the terminal can show.
        pace: how much the line takes.
    """

    def __init__(self, terminal: Terminal, pace: Pace) -> None:
        plain = terminal.colors < 256
        super().__init__(driver_class=TerminalDriver, ansi_color=True if plain else None)
        self.terminal = terminal
        self.pace = pace
        self.theme = f"{'ansi' if plain else 'textual'}-{'dark' if terminal.dark else 'light'}"
        self.animation_level = "none"
        self.fault = ""
        """The sentence on the fault of the program that ended it, if one did."""
        self._extra_filters: list[LineFilter] = []
        if terminal.colors == 0:
            self._extra_filters.append(NoColor())
        if not terminal.unicode:
            self._extra_filters.append(AsciiOnly())

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Say something in passing, unless that stands on the screen already."""
        if all(notice.message != message for notice in self._notifications):
            super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's filters, and those for what this terminal cannot show."""
        return [each_once(each) for each in (*super().get_line_filters(), *self._extra_filters)]

    def on_load(self) -> None:
        """Tidies up now and then, and draws all anew when a suspended app goes on."""
        self.every(garbage_collection.SECONDS, self._tidy)
        self.app_resume_signal.subscribe(
            self, lambda _: self.screen.refresh(repaint=True, layout=True)
        )

    def on_resize(self, event: events.Resize) -> None:
        """What the terminal shows after a change of its size is up to the terminal."""
        self._forget()
        if self.screen_stack and event.size == self.screen.outer_size:  # it was another in between
            self.screen.refresh()

    def action_redraw(self) -> None:
        """Sends all that is to be seen, as after a message of another program."""
        self._forget()
        self.screen.refresh()

    def _forget(self) -> None:
        if isinstance(self._driver, TerminalDriver):
            self._driver.forget()

    def _tidy(self) -> None:
        driver = self._driver
        if (
            isinstance(driver, TerminalDriver)
            and driver.quiet_seconds > garbage_collection.QUIET_SECONDS
        ):
            garbage_collection.collect()

    @property
    def unsolicited_bytes(self) -> int:
        """Bytes sent to the terminal so far, without those that answer a key."""
        return self._driver.unsolicited_bytes if isinstance(self._driver, TerminalDriver) else 0

    @property
    def is_heard(self) -> bool:
        """Whether the terminal has taken all that the app had to say."""
        return not (isinstance(self._driver, TerminalDriver) and self._driver.is_stalled)

    @on(EndRequested)
    def _on_end_requested(self, message: EndRequested) -> None:
        self.exit(return_code=message.code)

    @on(NotSuspended)
    def _on_not_suspended(self) -> None:
        self.notify(
            "There is no shell here that could continue mnistop. Quit it instead: a run can go on "
            "training, and mnistop shows it again.",
            severity="warning",
        )

    @property
    def line_is_free(self) -> bool:
        """Whether what is drawn now would be sent at once."""
        return not isinstance(self._driver, TerminalDriver) or self._driver.line_is_free

    def post_display_hook(self) -> None:
        """Starts anew after a frame that was laid out for another size of the terminal."""
        if self.screen.outer_size != self.size:
            self._forget()

    def _fatal_error(self) -> None:
        """Says it in a sentence: Textual's words have boxes, and the values of all variables."""
        if self._exception:
            self.fault = faults.in_words(self._exception)
        self._close_messages_no_wait()
