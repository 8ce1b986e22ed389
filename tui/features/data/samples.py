"""The images that are learnt from, a page at a time, with a cursor on one of them."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.message import Message

from mnistop.engine.analysis.samples import Samples
from mnistop.tui.draw import image
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import beside, line, shorten
from mnistop.tui.draw.strip import Strip
from mnistop.tui.draw.thumbnails import pictures
from mnistop.tui.toolkit.bindings import bindings, key, moves_in_grid, pages_of_grid
from mnistop.tui.toolkit.lines import LinesPane
from mnistop.tui.toolkit.tiles import LEAST, LEAST_GLYPHS, PAGE, Tiles, fit

_GAP = 1


class SampleGrid(LinesPane, can_focus=True):
    """A grid of images with their labels."""

    BINDINGS = bindings(
        "data",
        *moves_in_grid("image", "Image"),
        *pages_of_grid("image"),
        key("open", "enter", "open", "Flatten", "The image large, and as one row of numbers"),
    )

    EXPLANATION = (
        "The images in the order of the source, each with its label, the class that a person "
        "gave it; val marks those held out of training for validation."
    )

    @dataclass
    class Moved(Message):
        """Another image is under the cursor."""

        index: int

    class Opened(Message):
        """The image under the cursor shall be shown large."""

    samples: Samples | None = None
    """The page with the cursor, and as a rule those before and after it."""
    index = 0
    """Of the image under the cursor, in the whole data set."""
    notice = ""
    mode: image.Mode = "auto"
    enlarged = False
    """Whether fewer images are shown, each pixel of them, rather than 16 smaller ones."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal)
        self._drawn: list[list[Strip]] = []
        self._drawn_of: tuple[object, ...] = ()
        """What the drawn images are of."""

    def show(self, samples: Samples | None, index: int, notice: str = "") -> None:
        """Draws the page with the cursor.

        Args:
            samples: images with those of the page among them, or None to show only the notice.
            index: of the image under the cursor.
            notice: what is being waited for or went wrong.
        """
        self.samples, self.index, self.notice = samples, index, notice
        self.redraw()

    @property
    def tiles(self) -> Tiles:
        """How the images share the pane."""
        facts = self.samples.description if self.samples else None
        shape, total = (facts.image_shape, facts.count) if facts else ((28, 28), PAGE)
        width, height = self.size
        least = LEAST if self.terminal.images == "half" else LEAST_GLYPHS
        room = (width, height - 1, shape, total, self.terminal, self.mode)
        if self.enlarged and (whole := fit(*room, whole=True)).count:
            return whole
        return fit(*room, least=least, square=True)

    @property
    def page_size(self) -> int:
        """Images of a page."""
        return max(self.tiles.count, 1)

    def title(self) -> str:
        """Which images are shown."""
        if self.samples is None:
            return "Images"
        dash = "–" if self.terminal.unicode else "-"
        shown = self._shown(self.samples)
        return f"Images {shown[0]}{dash}{shown[-1]} of {self.samples.description.count:,}"

    def _shown(self, samples: Samples) -> range:
        """The page with the cursor, or the nearest that is there, by the images' numbers."""
        count = self.page_size
        last = samples.first + len(samples.images) - 1
        first = max(samples.first, min(self.index, last) // count * count)
        return range(first, min(first + count, last + 1))

    def lines(self, width: int, height: int) -> list[Strip]:
        """The page."""
        samples = self.samples
        if samples is None:
            return self.say(self.notice, width)
        tiles = self.tiles
        if not tiles.count:
            return self.say("There is no room for an image here: enlarge the terminal.", width)
        shown = self._shown(samples)
        rows = [shown[at : at + tiles.columns] for at in range(0, len(shown), tiles.columns)]
        drawn: list[Strip] = []
        for row, images in zip(rows, self._pictures(samples, rows, tiles), strict=True):
            captions = [[self._caption(samples, index, tiles.width)] for index in row]
            drawn += [*beside(captions, _GAP), *images]
        return drawn

    def _pictures(self, samples: Samples, rows: list[range], tiles: Tiles) -> list[list[Strip]]:
        """The images of a page by rows; they stay while the cursor moves over them."""
        of = (samples, rows, tiles)
        if of != self._drawn_of:
            self._drawn_of = of
            first = samples.first
            self._drawn = [
                pictures(
                    samples.images[row.start - first : row.stop - first],
                    tiles.pixels,
                    tiles.width,
                    _GAP,
                    self.terminal,
                    tiles.mode,
                )
                for row in rows
            ]
        return self._drawn

    def _caption(self, samples: Samples, index: int, width: int) -> Strip:
        place = index - samples.first
        label = samples.description.class_names[samples.labels[place]]
        side = " val" if samples.validation[place] else ""
        caption = shorten(label, width - len(side), self.terminal) + side
        if index == self.index:
            return line([(caption.ljust(width), self.palette.cursor)], width)
        return line([(caption, self.palette.val if side else self.palette.train)], width)

    # Moving

    def go(self, index: int) -> None:
        """Puts the cursor on an image, the nearest that there is."""
        if self.samples:
            index = max(0, min(self.samples.description.count - 1, index))
            if index != self.index:
                self.index = index
                self.post_message(self.Moved(index))

    def action_move(self, right: int, down: int) -> None:
        """Moves the cursor, on to the next page where this one ends."""
        index = self.index + right + down * max(self.tiles.columns, 1)
        if self.samples and 0 <= index < self.samples.description.count:
            self.go(index)

    def action_page(self, by: int) -> None:
        """Goes to the beginning of another page."""
        count = self.page_size
        page = self.index // count + by
        if self.samples and 0 <= page * count < self.samples.description.count:
            self.go(page * count)

    def action_end(self, index: int) -> None:
        """Goes to the first or the last image."""
        if self.samples:
            self.go(index % self.samples.description.count)

    def action_open(self) -> None:
        """Asks for the image large."""
        if self.samples:
            self.post_message(self.Opened())

    def on_click(self, event: events.Click) -> None:
        """Goes to the image that was clicked; a double click opens it."""
        place = self.tiles.place(event.x, event.y - 1)
        if self.samples and place is not None:
            shown = self._shown(self.samples)
            self.go(shown[0] + place)
            if event.chain == 2:
                self.action_open()
