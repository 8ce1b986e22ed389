"""The images that are learnt from, a page at a time, with a cursor on one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from engine.samples import Samples
from tui.panes.lines import LinesPane
from tui.render import image
from tui.render.cells import beside, line, shorten
from tui.render.thumbnails import SIDE, Thumbnails, picture

PAGE = SIDE**2
"""The most images of a page."""


class SampleGrid(LinesPane, can_focus=True):
    """A grid of images with their labels."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "left,h",
            "move(-1, 0)",
            "Image",
            key_display="←↑↓→",
            id="data.left",
            tooltip="To the image before",
        ),
        Binding(
            "right,l",
            "move(1, 0)",
            "Right",
            show=False,
            id="data.right",
            tooltip="To the image after",
        ),
        Binding("up,k", "move(0, -1)", "Up", show=False, id="data.up", tooltip="To the row above"),
        Binding(
            "down,j", "move(0, 1)", "Down", show=False, id="data.down", tooltip="To the row below"
        ),
        Binding(
            "n,pagedown",
            "page(1)",
            "Page",
            key_display="n/p",
            id="data.next_page",
            tooltip="The next page of images",
        ),
        Binding(
            "p,pageup",
            "page(-1)",
            "Previous page",
            show=False,
            id="data.previous_page",
            tooltip="The previous page of images",
        ),
        Binding(
            "enter",
            "open",
            "Flatten",
            id="data.open",
            tooltip="The image large, beside its pixels as one row of numbers",
        ),
        Binding(
            "home", "end(0)", "First", show=False, id="data.first", tooltip="To the first image"
        ),
        Binding("end", "end(-1)", "Last", show=False, id="data.last", tooltip="To the last image"),
    ]

    EXPLANATION = (
        "The images in the order of the source, each with its label, the class that a person gave "
        "it; val marks those that are kept out of training to judge the model."
    )

    @dataclass
    class Moved(Message):
        """Another image is under the cursor."""

        index: int

    class Opened(Message):
        """The image under the cursor shall be shown large."""

    samples: Samples | None = None
    index = 0
    """Of the image under the cursor, in the whole data set."""
    notice = ""
    mode: image.Mode = "auto"

    def show(self, samples: Samples | None, index: int, notice: str = "") -> None:
        """Draws a page.

        Args:
            samples: the page, or None to show only the notice.
            index: of the image under the cursor.
            notice: what is being waited for or went wrong.
        """
        self.samples, self.index, self.notice = samples, index, notice
        self.redraw()

    def thumbnails(self) -> Thumbnails:
        """How the images share the pane."""
        shape = self.samples.description.image_shape if self.samples else (28, 28)
        width, height = self.size
        return Thumbnails.fit(width, height - 1, shape, self.terminal, self.mode)

    def title(self) -> str:
        """Which images are shown."""
        if self.samples is None:
            return "Images"
        dash = "–" if self.terminal.unicode else "-"
        total = self.samples.description.count
        last = min(self.samples.first + self.thumbnails().count, total) - 1
        return f"Images {self.samples.first}{dash}{last} of {total:,}"

    def lines(self, width: int, height: int) -> list[Strip]:
        """The page."""
        samples = self.samples
        if samples is None:
            return self.say(self.notice, width)
        thumbnails = self.thumbnails()
        tiles = [
            self._tile(samples, place, thumbnails)
            for place in range(min(thumbnails.count, len(samples.images)))
        ]
        rows = [
            beside(tiles[start : start + thumbnails.columns], gap=1)
            for start in range(0, len(tiles), thumbnails.columns)
        ]
        return [strip for row in rows for strip in row]

    def _tile(self, samples: Samples, place: int, thumbnails: Thumbnails) -> list[Strip]:
        width = thumbnails.width
        label = samples.description.class_names[samples.labels[place]]
        side = " val" if samples.validation[place] else ""
        caption = shorten(label, width - len(side), self.terminal) + side
        if samples.first + place == self.index:
            pieces = [(caption.ljust(width), self.palette.cursor)]
        else:
            pieces = [(caption, self.palette.val if side else self.palette.train)]
        drawn = picture(
            samples.images[place], width, thumbnails.height - 1, self.terminal, self.mode
        )
        return [line(pieces, width), *(strip.adjust_cell_length(width) for strip in drawn)]

    # Moving

    def go(self, index: int) -> None:
        """Puts the cursor on an image, the nearest that there is."""
        if self.samples:
            index = max(0, min(self.samples.description.count - 1, index))
            if index != self.index:
                self.index = index
                self.redraw()
                self.post_message(self.Moved(index))

    def action_move(self, right: int, down: int) -> None:
        """Moves the cursor, on to the next page where this one ends."""
        index = self.index + right + down * self.thumbnails().columns
        if self.samples and 0 <= index < self.samples.description.count:
            self.go(index)

    def action_page(self, by: int) -> None:
        """Goes to the beginning of another page."""
        count = self.thumbnails().count
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
        """Goes to the image that was clicked."""
        place = self.thumbnails().place(event.x, event.y - 1)
        if self.samples and place is not None:
            self.go(self.samples.first + place)
