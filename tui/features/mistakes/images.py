"""Images of the mistakes screen: one large, a right and a wrong one, and pages of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mnistop.engine.formatting import loss, percent, with_sign
from mnistop.tui.draw import image
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Strip, beside, line, short_names, shorten
from mnistop.tui.draw.image import draw_row
from mnistop.tui.draw.palette import Palette
from mnistop.tui.features.mistakes.model import ImageDetails, ImageListModel
from mnistop.tui.text.one_image import trail
from mnistop.tui.text.portrait import fitting_mode, portrait
from mnistop.tui.toolkit.bindings import bindings, hidden, key, moves_in_grid
from mnistop.tui.toolkit.image_grid import PAGE, ImageGrid, Tiles
from mnistop.tui.toolkit.pane import LinesPane, OfModel

_STORY, _SHORT_STORY = 5, 2
"""Lines of an image's story; the fewer where more would leave the image or the bars no room."""
_PAIR_STORY = 6
_GAP = 2


class _ImagePane(OfModel[ImageListModel], LinesPane, can_focus=True):
    """Images with the predictions for them."""

    mode: image.Mode = "auto"

    def _portrait(self, shown: ImageDetails, width: int, height: int) -> list[Strip]:
        """Draw the classes in a line, and below it the image and its bars."""
        names = self._model.names
        outcome = _outcome_line(shown, names, self.terminal, width)
        size = (self.terminal, width, height - 1)
        drawn = portrait(shown.image, shown.probabilities, names, *size, shown.label, self.mode)
        return [outcome, *drawn]

    def _story(self, shown: ImageDetails, width: int, height: int) -> list[Strip]:
        """Draw the predictions for an image after each epoch."""
        names, epoch = self._model.names, self._model.state.shown_epoch
        return trail(shown.trail, shown.label, names, self.terminal, width, height, epoch)


class ChosenImage(_ImagePane):
    """One validation image."""

    EXPLANATION = (
        "The bars are the probabilities of the classes. The strip below has a cell for every "
        "epoch, filled where the prediction was correct. Below it are the predictions, correct "
        "ones in brackets: 9×3 [4]×20 is three epochs of 9, then twenty of 4, the true class."
    )

    def title(self) -> str:
        """The image and the epoch."""
        row = self._model.row
        if row is None:
            return "Image"
        unlisted = "" if self._model.listed else ", no longer in the list"
        return f"Image {row}, {self._model.when}{unlisted}"

    def lines(self, width: int, height: int) -> list[Strip]:
        """The image, its bars and its story."""
        shown = self._model.details(self._model.row)
        if shown is None:
            return self.say("", width)
        classes = len(self._model.names)
        story = self._story(shown, width, _STORY)
        fits = [
            fitting_mode(shown.image, classes, width, height - lines - 1, self.mode) is not None
            for lines in (len(story), _SHORT_STORY)
        ]
        if fits == [False, True] or height - len(story) - 2 < min(10, classes):
            story = story[:_SHORT_STORY]
        drawn = self._portrait(shown, width, height - len(story))
        if height > len(drawn) + len(story):
            drawn.append(Strip.blank(width))
            story = self._story(shown, width, height - len(drawn))
        return [*drawn, *story]


def _outcome_line(
    shown: ImageDetails, names: tuple[str, ...], terminal: Terminal, width: int
) -> Strip:
    """Return one line: true and predicted class of an image, with a sign and a colour."""
    marks = ("✓", "✗") if terminal.unicode else ("right:", "WRONG:")
    mark = marks[not shown.right]
    short = short_names(names, 12, terminal)
    true, predicted = short[shown.label], short[shown.predicted]
    sure = percent(float(shown.probabilities[shown.predicted]))
    text = (
        f"{mark} {true}, {sure} sure"
        if shown.right
        else f"{mark} {true} taken for {predicted}, {sure} sure"
    )
    more = f"  loss {loss(shown.loss)}, margin {with_sign(shown.margin)}"
    palette = Palette.of(terminal)
    style = palette.good if shown.right else palette.bad
    room = len(more) <= width - len(text)
    return line(
        [
            (shorten(text, width, terminal), style + palette.strong),
            (more if room else "", palette.muted),
        ],
        width,
    )


class Pair(_ImagePane):
    """The chosen image beside another one of its class with the opposite outcome."""

    EXPLANATION = (
        "How confident the model is when it is right and when it is wrong: the chosen image "
        "beside one of its class with the opposite outcome. n and p choose other pairs."
    )

    def title(self) -> str:
        """The numbers of the two images."""
        right, wrong = self._model.pair()
        numbers = " and ".join(f"image {row}" for row in (right, wrong) if row is not None)
        return f"Right and wrong: {numbers}" if numbers else "Right and wrong"

    def lines(self, width: int, height: int) -> list[Strip]:
        """The two side by side."""
        if self._model.empty and self._model.row is None:
            return self.say(self._model.empty, width)
        half = (width - _GAP) // 2
        rows = self._model.pair()
        missing = ("No image is right here.", "No image is wrong here.")
        blocks = [
            self._block(self._model.details(row), half, height, nothing)
            for row, nothing in zip(rows, missing, strict=True)
        ]
        return beside(blocks, _GAP)

    def _block(
        self, shown: ImageDetails | None, width: int, height: int, nothing: str
    ) -> list[Strip]:
        if shown is None:
            return [strip.adjust_cell_length(width) for strip in self.say(nothing, width)]
        drawn = self._portrait(shown, width, height)
        if height - len(drawn) > _PAIR_STORY:
            drawn += [Strip.blank(width), *self._story(shown, width, _PAIR_STORY)]
        return [strip.adjust_cell_length(width) for strip in drawn]


class Gallery(OfModel[ImageListModel], ImageGrid):
    """The images that pass the filter, a page at a time."""

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
    """True to show images in their full size, even if few fit then."""

    @property
    def total(self) -> int:
        """The number of images that pass the filter."""
        return 0 if self._model.empty else len(self._model.rows)

    @property
    def position(self) -> int:
        """The position of the chosen image."""
        return self._model.position

    @property
    def why_empty(self) -> str:
        """The reason why there are no images."""
        return self._model.empty

    @property
    def source(self) -> object:
        """The run and its images."""
        return self._model.state.run, self._model.rows[self.page].tolist()

    def title(self) -> str:
        """The page, of how many, and the order."""
        model = self._model
        if model.predictions is None or not len(model.rows):
            return "Gallery"
        size = max(self.tiles.count, 1)
        page, pages = model.position // size + 1, -(-len(model.rows) // size)
        return (
            f"Gallery of {len(model.rows)} of {len(model.predictions)}, {model.when}, "
            f"{model.order.short}, page {page} of {pages}"
        )

    @property
    def tiles(self) -> Tiles:
        """The arrangement of the images."""
        return self.square_page(self._model.shape, PAGE, self.whole)

    def pictures(self, row: Sequence[int], tiles: Tiles) -> list[Strip]:
        """Draw the images at some positions side by side."""
        nothing = np.zeros(self._model.shape, np.float32)
        images = [self._model.image(int(self._model.rows[each])) for each in row]
        pixels = np.stack([nothing if each is None else each for each in images])
        return draw_row(pixels, tiles.pixels, tiles.width, self.GAP, self.terminal, tiles.mode)

    def caption(self, position: int, width: int) -> Strip:
        """True and predicted class, and the model's confidence."""
        row = int(self._model.rows[position])
        shown = self._model.details(row)
        assert shown
        unicode = self.terminal.unicode
        mark = ("✓" if unicode else "+") if shown.right else ("✗" if unicode else "x")
        sure = f"{float(shown.probabilities[shown.predicted]):.0%}"
        room = width - len(f"{mark}  {sure}")
        name_width = max(1, room if shown.right else (room - 1) // 2)
        names = short_names(self._model.names, name_width, self.terminal, mark=name_width > 3)
        true, predicted = names[shown.label], names[shown.predicted]
        classes = true if shown.right else true + ("→" if unicode else ">") + predicted
        text = f"{mark} {classes} {sure}"
        number = f"#{row}"
        if len(text) + 1 + len(number) <= width:
            text += number.rjust(width - len(text))
        style = self.palette.good if shown.right else self.palette.bad
        return line(
            [(text.ljust(width), self.palette.cursor if row == self._model.row else style)], width
        )

    def resize_images(self) -> None:
        """Draw images in their whole size, or again so that a page has 16."""
        self.whole = not self.whole
        self.redraw()
