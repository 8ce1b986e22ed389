"""The panes of the data screen but flattening: facts, a page of images, and label counts."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.style import Style

from mnistop.engine.analysis.samples import Samples
from mnistop.engine.data.doctor import SIDES, Finding
from mnistop.tui.draw import bars
from mnistop.tui.draw.cells import Strip, beside, line, short_names, shorten
from mnistop.tui.draw.image import draw_row
from mnistop.tui.toolkit.bindings import bindings, hidden, key, moves_in_grid, pages_of_grid
from mnistop.tui.toolkit.image_grid import PAGE, ImageGrid, Tiles, fit
from mnistop.tui.toolkit.pane import ContentPane


class DataFacts(ContentPane[Samples]):
    """A few sentences."""

    EXPLANATION = (
        "Where the images come from, how many there are, and how they are split. Those that are "
        "neither trained on nor validated with test the trained model: they alone say how good it "
        "is, since the validation images choose its best epoch."
    )

    EMPTY_TITLE = "Data"

    changed = ""
    """The difference from the data that the shown run was trained on, as a sentence."""

    def heading(self, content: Samples) -> str:
        """The source."""
        return f"Data: {content.description.source}"

    def draw(self, content: Samples, width: int, height: int) -> list[Strip]:
        """The facts, those that matter most first."""
        facts, counts = content.description, content.counts
        size, pixels_each = "×".join(map(str, facts.image_shape)), math.prod(facts.image_shape)
        train, val = sum(counts.training), sum(counts.validation)
        unseen = f"{facts.unseen:,}" if facts.unseen else "none"
        validation, test = (
            " (the source's own)" if own else ""
            for own in (facts.given_validation, facts.given_test)
        )
        split = (
            f"{train:,} to train on, {val:,} to validate with{validation}, "
            f"{unseen} unseen to test on{test}"
        )
        pixels = f"Pixels are {facts.pixels}, scaled to 0 to 1"
        if content.recorded_notes is not None:
            split = "all to validate with; a run keeps none of those that its script trains on"
            pixels = "Pixels are shown from 0 (black) to 1 (white)"
        source = "" if facts.provenance == facts.source else f" Source: {facts.provenance}."
        sentences = (
            f"{self.changed}{facts.count:,} images of {size}, as rows "
            f"({facts.count}, {pixels_each}): {split}. "
            f"{''.join(f'{note} ' for note in content.notes)}"
            f"{pixels}: mean {facts.mean:.3f}, std {facts.std:.3f}.{source}"
        )
        return self.say(sentences, width, most=height) if height > 0 else []

    def needed(self, width: int, most: int) -> int:
        """Return the lines that all of it takes, with the title.

        Args:
            width: cells that the pane has.
            most: lines at most.
        """
        return 1 + len(self.lines(width, most - 1))


class Labels(ContentPane[Samples], can_focus=True):
    """The histogram of the labels, training and validation side by side on one scale."""

    BINDINGS = bindings(
        "data",
        hidden("classes_up", "up,k", "scroll_by(-1)", "Scroll", "To the classes above"),
        hidden("classes_down", "down,j", "scroll_by(1)", "Scroll", "To the classes below"),
    )

    EXPLANATION = (
        "How many images of each class there are. A class with few images is learned last; the "
        "validation images should be distributed like the rest."
    )

    EMPTY_TITLE = "Labels"

    top = 0
    """The first class that is shown."""

    def heading(self, content: Samples) -> str:
        """The number of classes."""
        classes = len(content.counts.training)
        room = max(self.size.height - 2, 1)
        if classes <= room:
            return f"Labels of {classes} classes"
        last = min(self.top + room, classes)
        arrows = "↑↓" if self.terminal.unicode else "up/down"
        return f"Labels of classes {self.top + 1} to {last} of {classes}, {arrows} for more"

    def draw(self, content: Samples, width: int, height: int) -> list[Strip]:
        """A histogram of each side of the split, on one scale."""
        training, validation = content.counts.training, content.counts.validation
        self.top = max(0, min(self.top, len(training) - (height - 1)))
        rows = slice(self.top, self.top + max(height - 1, 0))
        names = content.description.class_names[rows]
        most = max(*training, *validation)
        sides = [("training", training, self.palette.train)] if any(training) else []
        sides.append(("validation", validation, self.palette.val))
        room = (width - 2) // len(sides)

        def histogram(what: str, counts: Sequence[int], style: Style) -> list[Strip]:
            heading = line([(f"{what}: {sum(counts):,} images", style)], room)
            size = room, most, style, height - 1
            return [heading, *bars.counts(counts[rows], names, self.terminal, *size)]

        return beside([histogram(*side) for side in sides])

    def action_scroll_by(self, by: int) -> None:
        """Show other classes."""
        if self.content and len(self.content.counts.training) > self.size.height - 2:
            self.top = max(0, self.top + by)
            self.redraw()
        else:
            self.notify("All classes are visible." if self.content else self.status, markup=False)


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
    """The place of the image under the cursor among those to page through."""
    finding: Finding | None = None
    """The finding whose images these are; None for all images."""
    status = ""
    enlarged = False
    """True to show fewer images in full size rather than 16 smaller ones."""

    def show(
        self,
        samples: Samples | None,
        index: int,
        status: str = "",
        finding: Finding | None = None,
    ) -> None:
        """Draw the page with the cursor.

        Args:
            samples: images with those of the page among them, or None to show only the status.
            index: the place of the image under the cursor.
            status: what is being waited for or went wrong.
            finding: the finding whose images these are; None for all images.
        """
        self.samples, self.index, self.status, self.finding = samples, index, status, finding
        self.redraw()

    @property
    def total(self) -> int:
        """The number of images to page through; 0 before it is known."""
        return self.samples.total if self.samples else 0

    @property
    def position(self) -> int:
        """The position of the chosen image."""
        return self.index

    @property
    def why_empty(self) -> str:
        """The reason why there are no images."""
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
        """The arrangement of the images."""
        shape = self.samples.description.image_shape if self.samples else (28, 28)
        total = self.total or PAGE
        width, height = self.size
        room = (width, height - 1, shape, total, self.terminal, self.mode)
        if self.enlarged and (whole := fit(*room, whole=True)).count:
            return whole
        return self.square_page(shape, total)

    @property
    def page_size(self) -> int:
        """Images of a page."""
        return max(self.tiles.count, 1)

    def title(self) -> str:
        """The range of images on the page."""
        if self.samples is None:
            return "Images"
        shown = self.page
        if self.finding:
            return f"{self.finding.kind}: {shown[0] + 1}–{shown[-1] + 1} of {self.total:,}"
        return f"Images {shown[0]}–{shown[-1]} of {self.total:,}"

    def pictures(self, row: Sequence[int], tiles: Tiles) -> list[Strip]:
        """Draw the images at some positions side by side."""
        assert self.samples
        first = self.samples.first
        images = self.samples.images[row[0] - first : row[-1] + 1 - first]
        return draw_row(images, tiles.pixels, tiles.width, self.GAP, self.terminal, tiles.mode)

    def caption(self, position: int, width: int) -> Strip:
        """The label, and whether the image is held out for validation; in a finding its remark."""
        samples = self.samples
        assert samples
        place = position - samples.first
        names, number = samples.description.class_names, samples.labels[place]
        label = names[number]
        side = " val" if SIDES[samples.sides[place]] == "validation" else ""
        if self.finding:
            remark = self.finding.remarks[position] if self.finding.remarks else ""
            side = f" {remark}" if remark else ""
            numbered = f"{samples.names[place]}: {label}"
            label = numbered if len(numbered + side) <= width else label
        if label == names[number]:
            label = short_names(tuple(names), width - len(side), self.terminal)[number]
        caption = shorten(label, width - len(side), self.terminal) + side
        if position == self.index:
            return line([(caption.ljust(width), self.palette.cursor)], width)
        return line([(caption, self.palette.val if side else self.palette.train)], width)

    def action_page(self, by: int) -> None:
        """Go to the beginning of another page."""
        first = (self.index // self.page_size + by) * self.page_size
        if not self.total or 0 <= first < self.total:
            self.go(first)
