"""The commands that the palette finds: by words of their names and of what they do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import NamedTuple

from textual.binding import ActiveBinding
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import clean

_MOVES = ("move", "page", "home", "end", "command_palette")
"""Actions that make no sense in the command palette."""


class Command(NamedTuple):
    """What a key does now."""

    name: str
    key: str
    description: str
    active: ActiveBinding

    @property
    def title(self) -> str:
        """The name with the key."""
        return f"{self.name} ({self.key})"

    def score(self, words: Iterable[str]) -> float:
        """Rate how well words fit, in (0, 1]; 0 where one of them is not found.

        A word of the name counts more than one of the description, the beginning of a word more
        than its middle.
        """
        name, description = self.name.lower(), self.description.lower()
        marks = [
            max(
                _found(word, name) and 0.5 + 0.5 * _found(word, name),
                0.5 * _found(word, description),
                0.6 * (word == self.key.lower()),
            )
            for word in words
        ]
        return sum(marks) / len(marks) if marks and all(marks) else 0.0


def _found(word: str, text: str) -> float:
    if text.startswith(word):
        return 1.0
    return 0.9 if f" {word}" in text else 0.3 if word in text else 0.0


class Commands(Provider):
    """All that can be done now, but moving about."""

    async def discover(self) -> Hits:
        """Offer all commands by their names."""
        for one in sorted(self._commands(), key=lambda one: one.title.lower()):
            yield DiscoveryHit(Content(one.title), self._run(one), one.title, one.description)

    async def search(self, query: str) -> Hits:
        """Offer the commands that have all words of a query.

        Args:
            query: as typed.
        """
        words = query.lower().split()
        for one in self._commands():
            if score := one.score(words):
                yield Hit(score, Content(one.title), self._run(one), one.title, one.description)

    def _commands(self) -> Iterator[Command]:
        """The bindings in force, each action once."""
        offered = set()
        terminal = getattr(self.app, "terminal", Terminal())
        for active in self.screen.active_bindings.values():
            binding = active.binding
            moves = binding.action.partition("(")[0] in _MOVES
            if binding.id and not moves and binding.action not in offered:
                offered.add(binding.action)
                yield Command(
                    clean(binding.description or binding.tooltip, terminal),
                    clean(self.app.get_key_display(binding), terminal),
                    clean(binding.tooltip, terminal),
                    active,
                )

    def _run(self, command: Command) -> Callable[[], Awaitable[bool]]:
        """Return what does as if the key had been pressed."""
        node, binding, *_ = command.active
        return lambda: self.app.run_action(binding.action, node)
