"""Keys as rows of tables: what each does, which widgets have which, why one cannot act now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from textual.actions import parse
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.message_pump import MessagePump
from textual.screen import ModalScreen, Screen

from mnistop.tui.terminal.textual_hooks import inherits_bindings

# Tables of keys


def key(
    name: str,
    keys: str,
    action: str,
    label: str,
    tip: str,
    display: str | None = None,
    *,
    show: bool = True,
    priority: bool = False,
) -> Binding:
    """Return a row of a table of keys.

    Args:
        name: the id in the user's `[keys]`, without the name of the table.
        keys: separated by commas: characters, or Textual's names, as in `+,=,pageup`.
        action: a call of the widget's action method, as in `move(-1)`.
        label: a word or two for the key bar and the command palette.
        tip: a line for the help and the command palette, without a full stop.
        display: what stands in the key bar for the key; None for the first one.
        show: whether the key bar names it.
        priority: whether it acts before the keys of what has the focus.
    """
    row = Binding(keys, action, label, show, display, priority, tip, name)
    if all(len(each) > 1 or each.isalnum() for each in keys.split(",")):
        return row
    return replace(row, key=",".join(each.key for each in Binding.make_bindings([row])))


def hidden(
    name: str, keys: str, action: str, label: str, tip: str, *, priority: bool = False
) -> Binding:
    """Return a row as `key` does, of which the key bar has no need."""
    return key(name, keys, action, label, tip, show=False, priority=priority)


def bindings(table: str, *rows: Binding) -> list[BindingType]:
    """Return a widget's `BINDINGS`: rows whose ids begin with the name of the table, if any."""
    return [replace(row, id=f"{table}.{row.id}") if table else row for row in rows]


# Rows that several tables share

ZOOM = key("zoom", "z", "zoom", "Zoom", "The focused pane alone, and back")
IMAGES = hidden("images", "v", "image_mode", "Draw", "How images are drawn")
CHANNELS = hidden(
    "channel", "b", "channel", "Channel", "Red, green, blue, the largest of them, or in colour"
)
WRITE = hidden(
    "write", "w", "write", "Write", "Write the focused pane to a text file in this folder"
)
REPLAY = key(
    "replay",
    "P",
    "replay",
    "Replay",
    "Play all epochs from the first on, pause, or go on; Esc ends it",
)
ATTACK = key(
    "attack", "a", "attack", "Attack", "Take this image to the attack screen; Esc returns here"
)


def epochs(earlier: str, later: str, display: str, tip: str) -> list[Binding]:
    """Return the rows of a pane with an epoch cursor.

    Args:
        earlier: the keys for one epoch earlier.
        later: the keys for one epoch later.
        display: both in the key bar.
        tip: what the first of them does, and what follows the cursor.
    """
    return [
        key("earlier", earlier, "move(-1)", "Epoch", tip, display),
        hidden("later", later, "move(1)", "Later", "To a later epoch"),
        hidden("earlier10", "pageup", "move(-10)", "10 earlier", "Ten epochs earlier"),
        hidden("later10", "pagedown", "move(10)", "10 later", "Ten epochs later"),
        hidden("first", "home", "move(-1000000)", "First", "To the untrained model"),
        hidden("last", "end", "move(1000000)", "Last", "To the last epoch"),
    ]


def steps(thing: str, label: str, on: str, back: str) -> list[Binding]:
    """Return the rows for the next and the previous thing of an order, as of images.

    Args:
        thing: as it is called in a sentence.
        label: as it is called in the key bar.
        on: the keys for the next one, the first of them `n`.
        back: the keys for the previous one, the first of them `p`.
    """
    return [
        key("next", on, "step(1)", label, f"The next {thing}", "n/p"),
        hidden("previous", back, "step(-1)", "Previous", f"The previous {thing}"),
    ]


def moves_in_grid(thing: str, label: str) -> list[Binding]:
    """Return the rows for the arrows in a grid of things, as of images or neurons."""
    return [
        key("left", "left,h", "move(-1, 0)", label, f"To the {thing} before", "←↑↓→"),
        hidden("right", "right,l", "move(1, 0)", "Right", f"To the {thing} after"),
        hidden("up", "up,k", "move(0, -1)", "Up", "To the row above"),
        hidden("down", "down,j", "move(0, 1)", "Down", "To the row below"),
    ]


def pages_of_grid(thing: str) -> list[Binding]:
    """Return the rows for the pages and the ends of a grid of things."""
    return [
        key("next_page", "n,pagedown", "page(1)", "Page", f"The next page of {thing}s", "n/p"),
        hidden(
            "previous_page", "p,pageup", "page(-1)", "Previous page", f"The page of {thing}s before"
        ),
        hidden("first", "home", "end(0)", "First", f"To the first {thing}"),
        hidden("last", "end", "end(-1)", "Last", f"To the last {thing}"),
    ]


# Which there are


def declared(*kinds: type[DOMNode]) -> list[Binding]:
    """Return the bindings that this program gives some kinds of widgets, each under an id.

    What a kind gives to a key hides what the kinds that it is made from give to it; one declared
    with `inherit_bindings=False` hides all of theirs.
    """
    return [binding for kind in kinds for binding in _declared(kind)]


@cache
def _declared(kind: type[DOMNode]) -> list[Binding]:
    found: list[Binding] = []
    taken: set[str] = set()
    for base in kind.__mro__:
        if base.__module__.startswith("mnistop.tui."):
            own = [
                binding
                for binding in base.__dict__.get("BINDINGS", [])
                if isinstance(binding, Binding) and binding.id
            ]
            found += [each for each in own if not taken.issuperset(keys_of(each, {}))]
            taken.update(key for each in own for key in keys_of(each, {}))
            if not inherits_bindings(base):
                break
    return found


def keys_of(binding: Binding, keymap: Mapping[str, str]) -> list[str]:
    """Return the keys of a binding, by its own declaration or the user's."""
    return [key.strip() for key in keymap.get(binding.id or "", binding.key).split(",")]


# Why one cannot act


class GivesReasons(MessagePump):
    """A part of the app whose actions are possible while there is no reason against them.

    It is no `DOMNode`: Textual looks for the styles of a widget along the first base that is one.
    """

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Return the reason why an action is impossible now, in a sentence, or ""."""
        return ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave out actions that are impossible now."""
        return not self.why_not(action, parameters)


def reason_against(screen: Screen[object], key: str, keymap: Mapping[str, str]) -> str:
    """Return the reason why a key does nothing; empty if it acts, or means nothing here.

    Args:
        screen: the visible screen.
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
