"""Why a key cannot act: each screen gives one reason, and what is possible follows from it."""

from __future__ import annotations

from collections.abc import Mapping

from textual.actions import parse
from textual.message_pump import MessagePump
from textual.screen import ModalScreen, Screen

from mnistop.tui.toolkit.keymap import declared, keys_of


class GivesReasons(MessagePump):
    """A part of the app whose actions are possible while there is no reason against them.

    It is no `DOMNode`: Textual looks for the styles of a widget along the first base that is one.
    """

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Give the reason why an action is impossible now, in a sentence; empty if it is not."""
        return ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave out what is not possible now."""
        return not self.why_not(action, parameters)


def reason_against(screen: Screen[object], key: str, keymap: Mapping[str, str]) -> str:
    """Give the reason why a key does nothing; empty if it does something, or means nothing here.

    Args:
        screen: the screen in sight.
        key: as Textual calls it.
        keymap: the user's own keys by the ids of the bindings.
    """
    reason = ""
    for node in (screen.focused or screen).ancestors_with_self:
        for binding in declared(type(node)):
            if key not in keys_of(binding, keymap):
                continue
            _, action, parameters = parse(binding.action)
            if node.check_action(action, parameters):
                return ""
            if isinstance(node, GivesReasons):
                reason = reason or node.why_not(action, parameters)
        if isinstance(node, ModalScreen):
            break
    return reason
