"""All private names of Textual that the interface uses, with the reason for each.

Textual may change them in any release: read in 8.2.8. A test finds any other use.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from rich.text import Text
from textual import events
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS as ANSI_SEQUENCES_KEYS
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Size
from textual.message import Message
from textual.message_pump import MessagePump
from textual.widgets import Input

# `ANSI_SEQUENCES_KEYS`: a sequence that is a key on its own must not wait for more of it.


class DispatchHook(MessagePump):
    """A part of the app that may survive an exception in one of its handlers."""

    async def _dispatch_message(self, message: Message) -> None:
        # The only place through which the handlers of all messages are called.
        try:
            await super()._dispatch_message(message)
        except Exception as error:
            if not self.survive(error, message):
                raise

    def survive(self, error: Exception, message: Message) -> bool:
        """Report an exception and return True, or return False to have it raised.

        Args:
            error: the exception.
            message: the message whose handler raised it.
        """
        return False


class AppHooks(App[int]):
    """An app that knows whether it ends, what it has notified of, and its driver."""

    @property
    def is_exiting(self) -> bool:
        """True if the app is ending."""
        return self._exit  # there is no public name

    @property
    def notices(self) -> list[str]:
        """The messages of the toasts on the screen."""
        return [notice.message for notice in self._notifications]  # there is no public name

    @property
    def line(self) -> Driver | None:
        """The driver that the app draws to; None before it runs."""
        return self._driver  # there is no public name

    def _fatal_error(self) -> None:
        # Textual prints a box with the values of all variables.
        if self._exception:
            self.on_fatal_error(self._exception)
        self._close_messages_no_wait()

    def on_fatal_error(self, error: Exception) -> None:
        """Record the exception that ends the app."""


class InputHook(Input):
    """An input whose text may be shown in other characters than it has."""

    @property
    def shown_text(self) -> Text:
        """The text as it is drawn."""
        return super()._value

    @property
    def _value(self) -> Text:
        # What Textual draws, with the suggestion and the cursor laid over it.
        return self.shown_text


def inherits_bindings(kind: type) -> bool:
    """Return whether a class keeps the bindings of the classes that it is made from."""
    return getattr(kind, "_inherit_bindings", True)  # what `inherit_bindings=False` has left


async def type_into(field: Input, event: events.Key) -> None:
    """Pass a printable key to an input at once.

    The public way, a message, arrives after the keys behind it have gone elsewhere.
    """
    await field._on_key(event)


class DriverHooks(LinuxDriver):
    """Textual's driver for Linux and macOS, with the terminal's modes for subclasses to choose."""

    mouse_modes: tuple[int, ...] = ()
    """The private modes (DECSET) that report the mouse."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of the app."""
        return self._loop  # there is no public name

    def mark_resumption(self) -> None:
        """Notify the app of its resumption when the terminal is next taken over."""
        self._must_signal_resume = True  # set only by Textual's own handler of SIGTSTP

    def report_size(self) -> None:
        """Send the app the terminal's size, unless the terminal reports it by itself."""
        # Textual reads it inside the signal handler, where a newer size may overtake an older one.
        if not self._in_band_window_resize:
            size = Size(*self._get_terminal_size())
            self.send_message(events.Resize(size, size))

    def suspend_job(self) -> None:
        """Stop this process as the shell's job."""

    def _sigtstp_application(self, *_: object) -> None:
        # Textual raises SIGSTOP, which also stops what nobody can continue.
        self.suspend_job()

    def _enable_mouse_support(self) -> None:
        # Textual asks for moves without a button (1003) too: nothing heeds them, each sends bytes.
        if self._mouse:
            self.write("".join(f"\x1b[?{mode}h" for mode in self.mouse_modes))

    def _disable_mouse_support(self) -> None:
        # What `_enable_mouse_support` asked for.
        if self._mouse:
            self.write("".join(f"\x1b[?{mode}l" for mode in reversed(self.mouse_modes)))

    def _enable_mouse_pixels(self) -> None:
        # Nothing: places stay in cells, since a drag would send bytes for each pixel.
        pass


class KeyParser:
    """Textual's parser of what a terminal sends, started again where it fails."""

    def __init__(self) -> None:
        self._parser = XTermParser()  # Textual's thread would read the terminal by itself

    def feed(self, piece: str, handle: Callable[[Message], object]) -> None:
        """Pass on the messages in a piece of input, up to a part that cannot be read."""
        self._parser.mouse_pixels = False
        try:
            for message in self._parser.feed(piece):
                handle(message)
        except Exception:  # by a sequence that nobody has thought of
            self._parser = XTermParser()
