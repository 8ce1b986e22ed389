"""Many validation images at once, with true and predicted label below each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from textual import events
from textual.message import Message

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import beside, line, shorten
from mnistop.tui.draw.strip import Strip
from mnistop.tui.draw.thumbnails import pictures
from mnistop.tui.features.mistakes.browsed import BrowsedPane
from mnistop.tui.features.mistakes.model import Browsing
from mnistop.tui.toolkit.bindings import bindings, hidden, key, moves_in_grid
from mnistop.tui.toolkit.tiles import LEAST, LEAST_GLYPHS, PAGE, Tiles, fit

_GAP = 1


class Gallery(BrowsedPane):
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

    @dataclass
    class Moved(Message):
        """Another image is chosen."""

        position: int

    @dataclass
    class Opened(Message):
        """The chosen image shall be shown large."""

    whole = False
    """Whether no image is reduced, even if few fit then."""

    def __init__(self, terminal: Terminal, browsing: Browsing) -> None:
        super().__init__(terminal, browsing)
        self._drawn: list[list[Strip]] = []
        self._drawn_of: tuple[object, ...] = ()
        """What the drawn images are of."""

    def title(self) -> str:
        """Which page of how many."""
        browsing = self._browsing
        if browsing.judgement is None or not len(browsing.rows):
            return "Gallery"
        tiles = self._tiles
        size = max(tiles.count, 1)
        page, pages = browsing.position // size + 1, -(-len(browsing.rows) // size)
        return (
            f"Gallery of {len(browsing.rows)} of {len(browsing.judgement)}, {browsing.when}, "
            f"{browsing.order.short}, page {page} of {pages}"
        )

    def lines(self, width: int, height: int) -> list[Strip]:
        """The page that the chosen image is on."""
        browsing = self._browsing
        if browsing.empty:
            return self.say(browsing.empty, width)
        tiles = self._tiles
        if not tiles.count:
            return self.say("There is no room for an image here: enlarge the terminal.", width)
        start = browsing.position // tiles.count * tiles.count
        page = browsing.rows[start : start + tiles.count].tolist()
        drawn: list[Strip] = []
        for row, images in zip(_by_rows(page, tiles), self._pictures(page, tiles), strict=True):
            if drawn and (height + 1) // tiles.rows > tiles.height:
                drawn.append(Strip.blank(width))
            captions = [[self._caption(each, tiles.width)] for each in row]
            drawn += [*images, *beside(captions, _GAP)]
        return drawn

    @property
    def _tiles(self) -> Tiles:
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

    def _pictures(self, page: list[int], tiles: Tiles) -> list[list[Strip]]:
        """The images of a page by rows; they stay while the cursor moves over them."""
        of = (self._browsing.state.run, page, tiles)
        if of != self._drawn_of:
            self._drawn_of = of
            self._drawn = [self._side_by_side(row, tiles) for row in _by_rows(page, tiles)]
        return self._drawn

    def _side_by_side(self, row: list[int], tiles: Tiles) -> list[Strip]:
        nothing = np.zeros(self._browsing.shape, np.float32)
        images = [self._browsing.image(each) for each in row]
        pixels = np.stack([nothing if each is None else each for each in images])
        return pictures(pixels, tiles.pixels, tiles.width, _GAP, self.terminal, tiles.mode)

    def _caption(self, row: int, width: int) -> Strip:
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

    def action_move(self, by: int, rows: int) -> None:
        """Chooses another image."""
        self._move(by + rows * max(self._tiles.columns, 1))

    def action_page(self, by: int) -> None:
        """Goes on by a page."""
        self._move(by * max(self._tiles.count, 1))

    def _move(self, by: int) -> None:
        if len(self._browsing.rows):
            self.post_message(self.Moved(self._browsing.position + by))

    def action_open(self) -> None:
        """Asks for the chosen image alone."""
        self.post_message(self.Opened())

    def on_click(self, event: events.Click) -> None:
        """Chooses the image that was clicked; a double click opens it."""
        tiles, browsing = self._tiles, self._browsing
        if browsing.empty or not tiles.count:
            return
        gap = (self.size.height // tiles.rows > tiles.height) if tiles.rows > 1 else False
        line = event.y - 1
        row, inside = divmod(line, tiles.height + gap)
        if inside >= tiles.height or (place := tiles.place(event.x, row * tiles.height)) is None:
            return
        position = browsing.position // tiles.count * tiles.count + place
        if position < len(browsing.rows):
            self._move(position - browsing.position)
            if event.chain == 2:
                self.action_open()

    def resize_images(self) -> None:
        """Draws images in their whole size, or again so that a page has 16."""
        self.whole = not self.whole
        self.redraw()


def _by_rows(page: list[int], tiles: Tiles) -> list[list[int]]:
    return [page[start : start + tiles.columns] for start in range(0, len(page), tiles.columns)]
