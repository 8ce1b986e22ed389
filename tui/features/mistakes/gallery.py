"""Many validation images at once, with true and predicted label below each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import line, shorten
from mnistop.tui.draw.strip import Strip
from mnistop.tui.draw.thumbnails import pictures
from mnistop.tui.features.mistakes.model import Browsing
from mnistop.tui.toolkit.bindings import bindings, hidden, key, moves_in_grid
from mnistop.tui.toolkit.image_grid import LEAST, LEAST_GLYPHS, PAGE, ImageGrid, Tiles, fit


class Gallery(ImageGrid):
    """The images that pass the filter, a page at a time.

    Args:
        terminal: what the terminal can show.
        browsing: what it shows.
    """

    BINDINGS = bindings(
        "gallery",
        *moves_in_grid("image", "Move"),
        hidden("page_up", "pageup", "page(-1)", "Page", "A page back"),
        hidden("page_down", "pagedown", "page(1)", "Page", "A page on"),
        hidden("home", "home", "move(-10000000, 0)", "First", "The first"),
        hidden("end", "end", "move(10000000, 0)", "Last", "The last"),
        key("open", "enter", "open", "Open", "This image large"),
    )

    EXPLANATION = (
        "Below each image: its true class → the predicted class, and the model's confidence; "
        "wrong predictions have a cross. v draws the images larger or smaller."
    )

    CAPTIONS_BELOW = True
    CLAMPS = True

    whole = False
    """Whether no image is reduced, even if few fit then."""

    def __init__(self, terminal: Terminal, browsing: Browsing) -> None:
        super().__init__(terminal)
        self._browsing = browsing

    @property
    def total(self) -> int:
        """How many images pass the filter."""
        return 0 if self._browsing.empty else len(self._browsing.rows)

    @property
    def position(self) -> int:
        """That of the chosen image."""
        return self._browsing.position

    @property
    def why_empty(self) -> str:
        """Why there are no images."""
        return self._browsing.empty

    @property
    def source(self) -> object:
        """The run and its images."""
        return self._browsing.state.run, self._browsing.rows[self.page].tolist()

    def title(self) -> str:
        """Which page of how many."""
        browsing = self._browsing
        if browsing.judgement is None or not len(browsing.rows):
            return "Gallery"
        size = max(self.tiles.count, 1)
        page, pages = browsing.position // size + 1, -(-len(browsing.rows) // size)
        return (
            f"Gallery of {len(browsing.rows)} of {len(browsing.judgement)}, {browsing.when}, "
            f"{browsing.order.short}, page {page} of {pages}"
        )

    @property
    def tiles(self) -> Tiles:
        """How the images share the pane."""
        width, height = self.size
        browsing = self._browsing
        return fit(
            width,
            height - 1,
            browsing.shape,
            PAGE,
            self.terminal,
            self.mode,
            self.whole,
            LEAST if self.terminal.images == "half" else LEAST_GLYPHS,
            square=True,
        )

    def pictures(self, row: Sequence[int], tiles: Tiles) -> list[Strip]:
        """Draw the images at some positions side by side."""
        nothing = np.zeros(self._browsing.shape, np.float32)
        images = [self._browsing.image(int(self._browsing.rows[each])) for each in row]
        pixels = np.stack([nothing if each is None else each for each in images])
        return pictures(pixels, tiles.pixels, tiles.width, self.GAP, self.terminal, tiles.mode)

    def caption(self, position: int, width: int) -> Strip:
        """True and predicted class, and the model's confidence."""
        row = int(self._browsing.rows[position])
        looked = self._browsing.look(row)
        assert looked
        unicode = self.terminal.unicode
        mark = ("✓" if unicode else "+") if looked.right else ("✗" if unicode else "x")
        sure = f"{float(looked.probabilities[looked.predicted]):.0%}"
        name_width = max(1, (width - len(sure) - 4) // 2)
        true, predicted = (
            shorten(self._browsing.names[index], name_width, self.terminal)
            for index in (looked.label, looked.predicted)
        )
        said = true if looked.right else true + ("→" if unicode else ">") + predicted
        text = f"{mark} {said} {sure}"
        number = f"#{row}"
        if len(text) + 1 + len(number) <= width:
            text += number.rjust(width - len(text))
        style = self.palette.good if looked.right else self.palette.bad
        return line(
            [(text.ljust(width), self.palette.cursor if row == self._browsing.row else style)],
            width,
        )

    def resize_images(self) -> None:
        """Draws images in their whole size, or again so that a page has 16."""
        self.whole = not self.whole
        self.redraw()
