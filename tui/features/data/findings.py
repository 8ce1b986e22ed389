"""What is odd about the form's images: a list of findings, and the search for doubted labels."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual.dom import DOMNode
from textual.message import Message

from mnistop.engine.analysis.label_doubts import FOLDS, as_finding
from mnistop.engine.analysis.samples import find_oddities
from mnistop.engine.config import RunConfig
from mnistop.engine.data.doctor import Finding
from mnistop.engine.formatting import count
from mnistop.engine.process.doubt_search import DoubtSearch
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Strip
from mnistop.tui.text.table import Column
from mnistop.tui.toolkit.background import LatestAnswer
from mnistop.tui.toolkit.bindings import bindings, hidden, key
from mnistop.tui.toolkit.list_pane import ListPane

_SENTENCE = 4
"""Lines that the sentence on a finding takes at most."""


class DataCheck:
    """The findings on some data, and the search for labels that models doubt.

    Args:
        node: a part of the app, in whose name is asked.
        changed: called after each answer.
    """

    def __init__(self, node: DOMNode, changed: Callable[[], object]) -> None:
        self._odd = LatestAnswer(node, find_oddities, changed)
        self._doubted: Finding | None = None
        self._since = 0.0
        self.search: DoubtSearch | None = None
        """The search that is going on, or that has failed."""
        self.images = 0
        """The number of images that are checked; 0 before it is known."""

    def want(self, config: RunConfig, key: object, images: int) -> None:
        """Ask for the findings on the data of a configuration, unless they are there.

        Args:
            config: the configuration.
            key: differs where the data do.
            images: how many there are.
        """
        self.images = images
        self._odd.want(config, key=key)

    def forget(self) -> None:
        """Drop the findings, and end the search."""
        self.stop()
        self._odd.forget()
        self._doubted, self.images = None, 0

    @property
    def findings(self) -> Sequence[Finding]:
        """The findings, the worst first, and then the doubted labels."""
        doubted = [self._doubted] if self._doubted and len(self._doubted.images) else []
        return [*(self._odd.answer or ()), *doubted]

    @property
    def is_checked(self) -> bool:
        """True once the findings are there, but for doubted labels."""
        return self._odd.answer is not None

    @property
    def is_searching(self) -> bool:
        """True while models are trained."""
        return self.search is not None and not self.search.is_over

    @property
    def status(self) -> str:
        """What is being waited for, went wrong, or can be done next."""
        if self.search and self.search.error:
            return self.search.error
        if self.search and self.is_searching:
            seconds = time.monotonic() - self._since
            return f"Looking for doubted labels: {self.search.progress} ({seconds:.0f} s); s stops."
        if not self.is_checked:
            return self._odd.error or "Checking the images."
        if self._doubted is None:
            return "d trains models to look for labels that they doubt."
        return "" if len(self._doubted.images) else self._doubted.sentence

    def begin(self, search: DoubtSearch) -> None:
        """Follow a search that has just begun."""
        self.search, self._doubted, self._since = search, None, time.monotonic()

    def stop(self) -> None:
        """End the search."""
        if self.search:
            self.search.stop()
        self.search = None

    def read(self, names: tuple[str, ...]) -> bool:
        """Take what the search has found, and return whether it has found doubted labels.

        Args:
            names: of the classes.
        """
        if not (self.search and self.search.read() and self.search.doubts):
            return False
        self._doubted = as_finding(self.search.doubts, FOLDS, names)
        return len(self._doubted.images) > 0


class Findings(ListPane[Finding]):
    """A row for each finding, and the sentence on the chosen one.

    Args:
        terminal: what the terminal can show.
        check: has the findings.
    """

    BINDINGS = bindings(
        "data",
        key("odd_images", "enter", "open", "Its images", "The images of this finding as pages"),
        key("odd_next", "n", "step(1)", "Image", "The next image of this finding", "n/p"),
        hidden("odd_before", "p", "step(-1)", "Previous", "The previous image of this finding"),
    )

    EXPLANATION = (
        "Images that repeat others, also across the split or in the test; blank ones, and those on "
        "another background or with far less or more ink than their class; classes with few "
        "images. Move to a finding to see only its images; Esc shows all again. For "
        f"doubted labels, {FOLDS} models are trained, each without a part of the images, and judge "
        "that part (confident learning, Northcutt 2021)."
    )

    @dataclass
    class Stepped(Message):
        """The next or previous image of the finding is wanted."""

        by: int

    def __init__(self, terminal: Terminal, check: DataCheck) -> None:
        super().__init__(terminal)
        self._check = check

    @property
    def items(self) -> Sequence[Finding]:
        """The findings."""
        return self._check.findings

    @property
    def chosen(self) -> Finding | None:
        """The finding at the cursor; None without any."""
        items = self.items
        return items[min(self.position, len(items) - 1)] if items else None

    def title(self) -> str:
        """The number of findings."""
        return f"{count(self.count, 'finding')}" if self.count else "Findings"

    def columns(self, width: int) -> Sequence[Column[Finding]]:
        """The severity, the kind and the number of images."""
        return [
            Column("", lambda one: one.severity, 7, left=True),
            Column("finding", lambda one: one.kind, 24, left=True),
            Column("images", lambda one: f"{len(one.images):,}", 7),
        ]

    def empty(self) -> str:
        """The result, or what is being waited for."""
        check = self._check
        if not check.images or not check.is_checked:
            return check.status
        return f"Nothing odd was found in {count(check.images, 'image')}. {check.status}".rstrip()

    def needed(self, width: int) -> int:
        """Return the lines that all of it takes, with the title."""
        if not self.count:
            return 1 + len(self.say(self.empty(), width))
        return 2 + self.count + len(self._words(width))

    def lines(self, width: int, height: int) -> list[Strip]:
        """Draw the rows, and below them the sentence on the chosen finding."""
        if not self.count:
            return super().lines(width, height)
        words = self._words(width)
        words = words[: max(height - 2, 0)]
        drawn = super().lines(width, min(height - len(words), 1 + self.count))
        return [*drawn, *words]

    def _words(self, width: int) -> list[Strip]:
        chosen = self.chosen
        sentence = self.say(chosen.sentence if chosen else "", width, most=_SENTENCE)
        return [*sentence, *self.say(self._check.status, width, most=2)]

    def action_step(self, by: int) -> None:
        """Ask for another image of the finding."""
        self.post_message(self.Stepped(by))

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Return the reason why an action is impossible now."""
        if action in ("step", "open") and not self.count:
            return self.empty()
        return super().why_not(action, parameters)
