"""Images and perturbations in colour: each way to draw them, and their views."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import Color, ColorSystem

from mnistop.engine.images import CHANNELS
from mnistop.tui.draw import colormap, image, signed_image
from mnistop.tui.draw.capabilities import TRUE_COLOR, Terminal
from tests.tui.draw.reading import (
    ANSI,
    ASCII,
    MONO,
    TRUE,
    cells,
    texts,
    widths,
)

# Colour

COLORED = np.random.default_rng(0).random((6, 5, 3))
PRIMARIES = np.eye(3)[None]
"""One row: red, green, blue."""


def shown_colors(strips, height, colors):
    """The colours that half blocks show, as triplets, top and bottom of each cell."""
    rows = []
    for strip in strips:
        pairs = []
        for char, style in cells(strip):
            ground = None if style.bgcolor is None else style.bgcolor
            pairs.append((ground if char == " " else style.color, ground))
        rows += zip(*pairs, strict=True)
    system = {16: ColorSystem.STANDARD, 256: ColorSystem.EIGHT_BIT}.get(colors)
    return np.array(
        [
            [(each.downgrade(system) if system else each).get_truecolor() for each in row]
            for row in rows[:height]
        ],
        float,
    )


def test_true_colour_shows_each_channel_to_half_a_level():
    shown = shown_colors(image.draw(COLORED, TRUE), 6, TRUE_COLOR)
    assert np.abs(shown - 255 * COLORED).max() <= 0.5


@pytest.mark.parametrize("light", [0, 95, 135, 175, 215, 255])
def test_the_colours_of_256_come_out_exactly(light):
    """All of the palette's cube that are not gray, also after Rich has looked for the nearest."""
    levels = np.array([0, 95, 135, 175, 215, 255])
    cube = np.stack(np.meshgrid(levels, levels), -1).reshape(-1, 2)
    colors = np.insert(cube, 0, light, axis=1)
    colors = colors[np.ptp(colors, axis=1) > 0]
    shown = shown_colors(image.draw(colors[None] / 255, Terminal(256)), 1, 256)
    assert (shown[0] == colors).all()


def test_256_colours_are_as_near_as_the_palette_allows():
    shown = shown_colors(image.draw(COLORED, Terminal(256)), 6, 256)
    assert np.abs(shown - 255 * COLORED).max() <= 48


def test_16_colours_are_the_nearest_ansi_ones():
    codes = colormap.rgb(np.array([[[1, 0.3, 0.3], [0, 0.6, 0.1], [0, 0, 0.7]]]), ANSI)
    assert codes.tolist() == [[0xFF5555, 0x00AA00, 0x0000AA]]


def test_gray_in_three_channels_is_drawn_as_in_one():
    gray = COLORED[..., 0]
    for terminal in (TRUE, Terminal(256), ANSI, ASCII, MONO):
        for mode in ("auto", "half", "large"):
            three = np.stack([gray] * 3, -1)
            assert texts(image.draw(three, terminal, mode)) == texts(
                image.draw(gray, terminal, mode)
            )


def test_without_colours_the_brightness_is_drawn():
    """Green is the brightest of the three, blue the darkest: the weights of ITU-R BT.601."""
    (line,) = texts(image.draw(PRIMARIES, ASCII))
    ranks = [image.RAMP.index(char) for char in line]
    assert ranks[2] < ranks[0] < ranks[1]


@pytest.mark.parametrize("terminal", [TRUE, Terminal(256), ANSI, ASCII, MONO])
@pytest.mark.parametrize("mode", ["auto", "half", "large"])
def test_a_row_of_images_in_colour_is_as_wide_as_its_images(terminal, mode):
    images = np.stack([COLORED, COLORED[::-1]]).astype(np.float32)
    drawn = image.draw_row(images, (6, 5), 12, 1, terminal, mode)
    assert widths(drawn) == {25}
    reduced = image.draw_row(images, (4, 3), 12, 1, terminal, mode)
    assert widths(reduced) == {25}


@pytest.mark.parametrize("place", range(3))
def test_a_channel_of_a_perturbation_is_drawn_alone(place):
    values = np.zeros((2, 3, 3))
    values[..., place] = [[-1, 0, 1], [-1, 0, 1]]
    view = CHANNELS[place]
    alone = signed_image.diverging(values[..., place], 1, TRUE)
    assert signed_image.diverging(values, 1, TRUE, view=view) == alone
    others = [name for name in CHANNELS if name != view]
    nothing = signed_image.diverging(np.zeros((2, 3)), 1, TRUE)
    for other in others:
        assert signed_image.diverging(values, 1, TRUE, view=other) == nothing


def test_the_largest_channel_of_a_perturbation_has_no_sign():
    values = np.array([[[0.1, -0.8, 0.2], [0, 0, 0]]])
    expected = signed_image.diverging(np.array([[0.8, 0.0]]), 1, TRUE)
    assert signed_image.diverging(values, 1, TRUE, view="magnitude") == expected


def test_a_perturbation_in_colour_is_gray_where_nothing_changes():
    values = np.array([[[0, 0, 0], [1, 0, -1]]], float)
    shown = shown_colors(signed_image.diverging(values, 1, TRUE), 1, TRUE_COLOR)
    assert shown.tolist() == [[[128, 128, 128], [255, 128, 0]]]


@pytest.mark.parametrize("view", signed_image.VIEWS)
def test_every_view_is_drawn_everywhere_with_its_name_in_the_legend(view):
    for terminal in (TRUE, Terminal(256), ANSI, ASCII, MONO):
        for mode in ("auto", "half", "ascii", "large"):
            drawn = signed_image.diverging(COLORED - 0.5, 0.5, terminal, mode, view)
            assert widths(drawn) == {image.size(6, 5, mode)[0]}
            (line,) = signed_image.legend(0.5, terminal, mode, view)
            assert line.text.endswith(signed_image.view_name(view, terminal, mode))
            row = signed_image.diverging_row([COLORED] * 2, 1, 12, 1, terminal, mode, view)
            assert widths(row) == {25}


def test_the_views_come_round():
    views, view = [], "color"
    for _ in signed_image.VIEWS:
        views.append(view)
        view = signed_image.next_view(view)
    assert views == list(signed_image.VIEWS)
    assert view == "color"


@given(st.integers(0, 0xFFFFFF))
def test_a_colour_is_the_one_that_rich_makes(code):
    assert colormap.color(code) == Color.from_rgb(code >> 16, code >> 8 & 255, code & 255)
