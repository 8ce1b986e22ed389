"""The names of all keys: the sections of the help, and the commands of the palette."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import NamedTuple

from textual.app import App
from textual.binding import ActiveBinding
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.screen import Screen

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import clean
from mnistop.tui.features.train.screen import TrainScreen
from mnistop.tui.navigator import NAMES, QuitScreen, Views
from mnistop.tui.session.view import ViewScreen
from mnistop.tui.toolkit.bindings import declared
from mnistop.tui.toolkit.dialogs import AskScreen, AskTextScreen, HelpScreen, Section

_MOVES = ("move", "page", "home", "end", "command_palette")
"""Actions that make no sense in the command palette."""


def help_sections(
    app: App[int], shown: Screen[object], train: TrainScreen, views: Views
) -> list[Section]:
    """Return the sections of the help for all screens, the visible one first.

    Args:
        app: has the keys that hold everywhere.
        shown: the visible screen.
        train: the dashboard.
        views: the other screens.
    """
    others = [view for view in map(views.__getitem__, NAMES) if view is not shown]
    of_others = Section("Every screen but the dashboard", "", declared(ViewScreen))
    dashboard = [
        Section("Everywhere", "", declared(type(app))),
        Section("The dashboard", "", declared(TrainScreen)),
        *train.sections(),
    ]
    first = (
        [*shown.sections(), of_others, *dashboard]
        if isinstance(shown, ViewScreen)
        else [*dashboard, of_others]
    )
    return [
        *first,
        *(section for view in others for section in view.sections()),
        Section("This help", "", declared(HelpScreen)),
        Section("A question", "", declared(AskScreen, AskTextScreen)),
        Section("The question before quitting", "", declared(QuitScreen)),
    ]


class Command(NamedTuple):
    """A command of a key that is possible now."""

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
        """Yield the bindings in force, each action once."""
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
