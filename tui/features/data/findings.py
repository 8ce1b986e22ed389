"""The findings on the data, in a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from textual.message import Message

from mnistop.engine.analysis.label_doubts import FOLDS
from mnistop.engine.data.doctor import Finding
from mnistop.engine.formatting import count
from mnistop.tui.draw import image
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Strip, beside
from mnistop.tui.features.data.model import DataCheck
from mnistop.tui.text.table import Column
from mnistop.tui.toolkit.bindings import bindings, hidden, key
from mnistop.tui.toolkit.list_pane import ListPane

_LIST_WIDTH, _LEAST_IMAGE = 44, 20
"""Cells of the list beside an image, and of an image at least."""
_SENTENCE, _STATUS = 6, 3
"""Lines at most of the sentence on a finding, and of what is being waited for."""


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
        f"doubted labels, {FOLDS} models are trained, each without a part of the images, and "
        "classify that part (confident learning, Northcutt 2021)."
    )

    @dataclass
    class Stepped(Message):
        """The next or previous image of the finding is wanted."""

        by: int

    mode: image.Mode = "auto"

    def __init__(self, terminal: Terminal, check: DataCheck) -> None:
        super().__init__(terminal)
        self._check = check
        self._image: NDArray[np.float32] | None = None
        self._about = self._status = ""

    def show(self, pixels: NDArray[np.float32] | None, about: str = "", status: str = "") -> None:
        """Draw the findings, and an image of the chosen one where there is room.

        Args:
            pixels: that of the finding whose images are shown; None without one.
            about: its number, label and side.
            status: why there are no images to check; empty if there are.
        """
        self._image, self._about, self._status = pixels, about, status
        self.redraw()

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
        """The number of findings, and the image of the chosen one."""
        if not self.count:
            return "Findings"
        return count(self.count, "finding") + (f": {self._about}" if self._about else "")

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
        if not check.is_checked:
            return self._status or check.status
        return f"Nothing odd was found in {count(check.images + check.unseen, 'image')}."

    def needed(self, width: int) -> int:
        """Return the lines that all of it takes, with the title."""
        return 1 + (1 + self.count if self.count else 0) + len(self._words(width))

    def lines(self, width: int, height: int) -> list[Strip]:
        """Draw the rows, below them the sentence on the chosen finding, and beside them its image.

        In a narrow pane the image is left out.
        """
        if not self.count:
            return self._words(width)[:height]
        room = width - _LIST_WIDTH - 1
        drawn: list[Strip] = []
        if self._image is not None and room >= _LEAST_IMAGE:
            drawn = image.picture(self._image, room, height, self.terminal, self.mode)
            width = _LIST_WIDTH
        words = self._words(width)[: max(height - 2, 0)]
        rows = super().lines(width, min(height - len(words), 1 + self.count))
        listed = [strip.adjust_cell_length(width) for strip in (*rows, *words)]
        return beside([listed, drawn], 1) if drawn else listed

    def _words(self, width: int) -> list[Strip]:
        """Draw the sentence on the chosen finding, and what can be done next."""
        chosen, check = self.chosen, self._check
        sentence = chosen.sentence if chosen else self.empty() if check.is_checked else ""
        status = self.say(self._status or check.status, width, most=_STATUS)
        return [*self.say(sentence, width, most=_SENTENCE), *status]

    def action_step(self, by: int) -> None:
        """Ask for another image of the finding."""
        self.post_message(self.Stepped(by))

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Return the reason why an action is impossible now."""
        if action in ("step", "open") and not self.count:
            return self.empty()
        return super().why_not(action, parameters)
