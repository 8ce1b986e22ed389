"""The images that are learnt from, a page at a time, with a cursor on one of them."""

from __future__ import annotations

from collections.abc import Sequence

from mnistop.engine.analysis.samples import Samples
from mnistop.tui.draw.cells import line, shorten
from mnistop.tui.draw.strip import Strip
from mnistop.tui.draw.thumbnails import pictures
from mnistop.tui.toolkit.bindings import bindings, key, moves_in_grid, pages_of_grid
from mnistop.tui.toolkit.image_grid import LEAST, LEAST_GLYPHS, PAGE, ImageGrid, Tiles, fit


class SampleGrid(ImageGrid):
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

    samples: Samples | None = None
    """The page with the cursor, and as a rule those before and after it."""
    index = 0
    """Of the image under the cursor, in the whole data set."""
    status = ""
    enlarged = False
    """Whether fewer images are shown, each pixel of them, rather than 16 smaller ones."""

    def show(self, samples: Samples | None, index: int, status: str = "") -> None:
        """Draws the page with the cursor.

        Args:
            samples: images with those of the page among them, or None to show only the status.
            index: of the image under the cursor.
            status: what is being waited for or went wrong.
        """
        self.samples, self.index, self.status = samples, index, status
        self.redraw()

    @property
    def total(self) -> int:
        """How many images the whole data set has; 0 before it is known."""
        return self.samples.description.count if self.samples else 0

    @property
    def position(self) -> int:
        """That of the chosen image."""
        return self.index

    @property
    def why_empty(self) -> str:
        """Why there are no images."""
        return self.status

    @property
    def source(self) -> object:
        """The images that are there."""
        return self.samples

    @property
    def page(self) -> range:
        """The page with the cursor, or the nearest that is there, by the images' numbers."""
        assert self.samples
        count, start = self.page_size, self.samples.first
        last = start + len(self.samples.images) - 1
        first = max(start, min(self.index, last) // count * count)
        return range(first, min(first + count, last + 1))

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
        shown = self.page
        return f"Images {shown[0]}{dash}{shown[-1]} of {self.samples.description.count:,}"

    def pictures(self, row: Sequence[int], tiles: Tiles) -> list[Strip]:
        """Draw the images at some positions side by side."""
        assert self.samples
        first = self.samples.first
        images = self.samples.images[row[0] - first : row[-1] + 1 - first]
        return pictures(images, tiles.pixels, tiles.width, self.GAP, self.terminal, tiles.mode)

    def caption(self, position: int, width: int) -> Strip:
        """The label, and whether the image is held out for validation."""
        samples = self.samples
        assert samples
        place = position - samples.first
        label = samples.description.class_names[samples.labels[place]]
        side = " val" if samples.validation[place] else ""
        caption = shorten(label, width - len(side), self.terminal) + side
        if position == self.index:
            return line([(caption.ljust(width), self.palette.cursor)], width)
        return line([(caption, self.palette.val if side else self.palette.train)], width)

    def action_page(self, by: int) -> None:
        """Go to the beginning of another page."""
        first = (self.index // self.page_size + by) * self.page_size
        if not self.total or 0 <= first < self.total:
            self.go(first)
