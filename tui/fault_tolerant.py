"""Parts of the app that go on after a fault of the program."""

from textual import events
from textual.message import Message
from textual.message_pump import MessagePump

from tui import faults


class FaultTolerant(MessagePump):
    """Says what has failed while a message or a key was handled, where Textual would end the app.

    What opens a part, its composing and mounting, has to succeed: there is nothing to go on with
    otherwise.
    """

    async def _dispatch_message(self, message: Message) -> None:
        try:
            await super()._dispatch_message(message)
        except Exception as error:
            if isinstance(message, events.Compose | events.Mount):
                raise
            self._say_once(faults.in_words(error))

    def _say_once(self, fault: str) -> None:
        if all(notice.message != fault for notice in self.app._notifications):
            self.app.notify(fault, severity="error", markup=False, timeout=15)
