"""Images with the model's probabilities: one image, or an attacked one beside its perturbation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.analysis.fragility import AttackedImage, FloatArray
from mnistop.engine.images import resize
from mnistop.tui.draw import bars, image, signed_image
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Strip, beside, line, short_names, shorten
from mnistop.tui.draw.palette import Palette

_GAP = 2
_LEAST_BARS = 17
_MOST_BARS = 44
_FEWEST = 4
"""The fewest useful bars below an image."""

Floats = NDArray[np.float32]


def portrait(
    picture: Floats | None,
    probabilities: Floats,
    names: Sequence[str],
    terminal: Terminal,
    width: int,
    height: int,
    label: int,
    mode: image.Mode = "auto",
) -> list[Strip]:
    """Draw an image and the probabilities, beside it or below.

    Args:
        picture: `(height, width)` or `(height, width, 3)` in [0, 1]; None to draw the bars alone.
        probabilities: `(classes,)`.
        names: of the classes.
        terminal: the terminal.
        width: cells to fit in.
        height: lines to fit in.
        label: the true class.
        mode: how the image is drawn; `auto` draws large where there is room.

    Returns:
        Lines of one width.
    """

    def drawn_bars(room: int, lines: int, most: int = _MOST_BARS) -> list[Strip]:
        return _bars(probabilities, names, terminal, min(room, most), label, lines)

    kind = fitting_mode(picture, len(probabilities), width, height, mode)
    if picture is None or kind is None:
        return drawn_bars(width, height)
    times = 1
    if mode == "auto":
        times = image.most_times(picture.shape, width - _GAP - _LEAST_BARS, height)
    if times > 2:
        picture, kind = image.enlarged(picture, times)
    drawn = image.draw(picture, terminal, kind)
    rows, columns = picture.shape[:2]
    wide, high = image.size(rows, columns, kind)
    room = width - wide - _GAP
    if times > 1:
        return beside([drawn, drawn_bars(room, high, _MOST_BARS * times)], _GAP)
    if room >= _LEAST_BARS:
        return beside([drawn, drawn_bars(room, high)], _GAP)
    below = drawn_bars(width, height - high - 1)
    return [strip.adjust_cell_length(width) for strip in (*drawn, Strip.blank(width), *below)]


def _bars(
    probabilities: Floats,
    names: Sequence[str],
    terminal: Terminal,
    width: int,
    label: int,
    height: int,
) -> list[Strip]:
    predicted = int(probabilities.argmax())
    return bars.probabilities(
        probabilities.tolist(), names, terminal, width, label, predicted, height
    )


def fitting_mode(
    picture: Floats | None,
    classes: int,
    width: int,
    height: int,
    mode: image.Mode,
) -> image.Mode | None:
    """Return the mode in which a portrait shows the image; None where it shows the bars alone.

    Args:
        picture: as for `portrait`.
        classes: their number.
        width: cells to fit in.
        height: lines to fit in.
        mode: as for `portrait`.
    """
    if picture is None or not picture.size:
        return None
    ways: list[tuple[image.Mode, int]] = [("large", min(classes, 10))] * (mode == "auto")
    rows, columns = picture.shape[:2]
    for kind, fewest in [*ways, (mode, _FEWEST)]:
        wide, high = image.size(rows, columns, kind)
        if wide > width or high > height:
            continue
        if width - wide - _GAP >= _LEAST_BARS or height - high - 1 >= fewest:
            return kind
    return None


_LEAST_CELL = 24
"""Cells of a caption."""
_LEAST_REDUCED = 16
"""Cells that a reduced perturbation and its caption take."""
_BARS_WIDTH = 24
_FEWEST_BARS = 3


def attacked(
    answer: AttackedImage,
    names: Sequence[str],
    terminal: Terminal,
    width: int,
    height: int,
    mode: image.Mode = "auto",
    view: signed_image.View = "color",
) -> list[Strip]:
    """Draw as many of the three pictures as fit, then the probabilities if there is room.

    Args:
        answer: the image and its predictions.
        names: of the classes.
        terminal: the terminal.
        width: cells to fit in.
        height: lines to fit in.
        mode: how images are drawn; `auto` draws large where there is room.
        view: what is drawn of a perturbation of three channels.

    Returns:
        At most `height` lines.
    """
    scale, answer = answer.linf, _reduced(answer, width, height - 1, mode)
    kind = _fitting(answer, width, height, mode)
    drawing = _Drawing(answer, scale, names, terminal, kind, view)
    blocks = drawing.pictures(width)
    left = width - sum(block[0].cell_length + 1 for block in blocks)
    if left >= 2 * (_BARS_WIDTH + 1):
        return beside([*blocks, *drawing.probabilities((left - 1) // 2, height)], gap=1)[:height]
    drawn = beside(blocks, gap=1)[:height]
    below = height - len(drawn) - 1
    if below > _FEWEST_BARS:
        wide = (width - 2) // 2
        drawn = [*drawn, Strip.blank(width), *beside(drawing.probabilities(wide, below))]
    return drawn


def _reduced(answer: AttackedImage, width: int, height: int, mode: image.Mode) -> AttackedImage:
    """Return smaller pictures if image and adversarial version do not fit side by side."""
    rows, columns = answer.image.shape[:2]
    wide, high = image.size(rows, columns)
    if height < 1 or (2 * wide < width and high <= height):
        return answer
    size, _ = image.reduced((rows, columns), max(1, (width - 2) // 3), height, mode)
    return replace(
        answer,
        image=resize(answer.image, *size),
        adversarial=resize(answer.adversarial, *size),
    )


def _fitting(answer: AttackedImage, width: int, height: int, mode: image.Mode) -> image.Mode:
    rows, columns = answer.image.shape[:2]
    large = height > rows and width >= 3 * (2 * columns + 1)
    return "large" if mode == "auto" and large else mode


def has_room_for_perturbation(
    answer: AttackedImage, width: int, height: int, mode: image.Mode
) -> bool:
    """Return whether `attacked` draws the perturbation, or only the images beside it."""
    answer = _reduced(answer, width, height - 1, mode)
    cell = _cell(answer, _fitting(answer, width, height, mode))
    return width - 2 * (cell + 1) >= _LEAST_REDUCED


def _cell(answer: AttackedImage, mode: image.Mode) -> int:
    """Return the width of an image or its caption, whichever is wider."""
    rows, columns = answer.image.shape[:2]
    return max(image.size(rows, columns, mode)[0], _LEAST_CELL)


class _Drawing:
    def __init__(
        self,
        answer: AttackedImage,
        scale: float,
        names: Sequence[str],
        terminal: Terminal,
        mode: image.Mode,
        view: signed_image.View,
    ) -> None:
        self._answer = answer
        self._scale = scale
        self._names = names
        self._terminal = terminal
        self._mode = mode
        self._view = view
        self._palette = Palette.of(terminal)

    def pictures(self, width: int) -> list[list[Strip]]:
        """Draw the pictures side by side, the perturbation reduced or left out if need be."""
        answer = self._answer
        rows, columns = answer.image.shape[:2]
        columns, _ = image.size(rows, columns, self._mode)
        cell = _cell(answer, self._mode)
        original = self._picture("original", answer.image, answer.clean_probabilities, cell)
        adversarial = self._picture(
            "adversarial", answer.adversarial, answer.adversarial_probabilities, cell
        )
        between = width - 2 * (cell + 1)
        if between >= cell:
            return [original, self._perturbation(answer.perturbation, cell), adversarial]
        if between >= _LEAST_REDUCED:
            share = between / columns
            reduced = resize(answer.perturbation, round(rows * share), between)
            return [original, self._perturbation(reduced, between), adversarial]
        return [original, adversarial] if between >= -1 else [adversarial]

    def _picture(
        self, what: str, picture: FloatArray, probabilities: FloatArray, width: int
    ) -> list[Strip]:
        predicted = int(probabilities.argmax())
        right = predicted == self._answer.label
        marks = ("✓", "✗") if self._terminal.unicode else ("right", "WRONG")
        share = f" {probabilities[predicted]:.0%} {marks[not right]}"
        room = width - len(what) - len(share) - 2
        name = short_names(tuple(self._names), room, self._terminal)[predicted]
        style = self._palette.good if right else self._palette.bad
        caption = line([(f"{what}: ", self._palette.muted), (name + share, style)], width)
        return [caption, *_padded(image.draw(picture, self._terminal, self._mode), width)]

    def _perturbation(self, values: FloatArray, width: int) -> list[Strip]:
        scale = self._scale
        sign = "±" if self._terminal.unicode else "+-"
        size = f"{sign}{scale:.3g}"
        if values.ndim == 3:
            size += f", {signed_image.view_name(self._view, self._terminal, self._mode)}"
        what = "perturbation " if len(size) + len("perturbation ") <= width else ""
        caption = shorten(what + size, width, self._terminal)
        drawn = signed_image.diverging(values, scale, self._terminal, self._mode, self._view)
        return [line([(caption, self._palette.muted)], width), *_padded(drawn, width)]

    def probabilities(self, width: int, height: int) -> list[list[Strip]]:
        """Draw the bars for the original and for the adversarial image."""
        answer = self._answer
        both = {
            "original": answer.clean_probabilities,
            "adversarial": answer.adversarial_probabilities,
        }
        return [
            [
                line([(f"prediction for the {what}", self._palette.muted)], width),
                *_bars(values, self._names, self._terminal, width, answer.label, height - 1),
            ]
            for what, values in both.items()
        ]


def _padded(strips: list[Strip], width: int) -> list[Strip]:
    return [strip.adjust_cell_length(width) for strip in strips]
