import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mnistop.tui.draw import image, signed_image
from mnistop.tui.draw.capabilities import TRUE_COLOR, Terminal
from tests.tui.draw.reading import (
    ANSI,
    ASCII,
    MONO,
    TRUE,
    cells,
    gray_shown,
    terminals,
    texts,
    widths,
)

modes = st.sampled_from(["auto", "half", "ascii", "large"])
shapes = st.tuples(st.integers(1, 20), st.integers(1, 20))
images = shapes.flatmap(lambda shape: arrays(np.float64, shape, elements=st.floats(0, 1)))
weights = shapes.flatmap(lambda shape: arrays(np.float64, shape, elements=st.floats(-2, 2)))


def decode(strips, height, colors):
    """The gray levels that half blocks show, top and bottom of each cell."""
    rows = []
    for strip in strips:
        top, bottom = [], []
        for char, style in cells(strip):
            ground = None if style.bgcolor is None else gray_shown(style.bgcolor, colors)
            bottom.append(ground)
            top.append(ground if char == " " else gray_shown(style.color, colors))
        rows += [top, bottom]
    return np.array(rows[:height], dtype=float)


@given(images, st.sampled_from([(TRUE_COLOR, 0.5), (256, 5.0 + 3.5)]))
def test_half_blocks_show_each_pixel_within_half_a_gray_level(pixels, precision):
    colors, tolerance = precision
    shown = decode(image.draw(pixels, Terminal(colors)), len(pixels), colors)
    assert np.abs(shown - 255 * pixels).max() <= tolerance


def test_the_grays_of_256_colours_come_out_exactly():
    ramp = np.array([[0, *range(8, 248, 10), 255]]) / 255
    shown = decode(image.draw(ramp, Terminal(256)), 1, 256)
    assert (shown == 255 * ramp).all()


def test_a_large_image_takes_two_cells_a_pixel_in_its_colour():
    pixels = np.array([[0.0, 1.0], [0.5, 0.25]])
    strips = image.draw(pixels, TRUE, "large")
    shown = [[style.bgcolor.triplet.red for _, style in cells(strip)] for strip in strips]
    assert shown == [[0, 0, 255, 255], [128, 128, 64, 64]]


def test_the_ascii_ramp_shows_the_mean_of_two_pixels():
    pixels = np.array([[0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]])
    (line,) = texts(image.draw(pixels, ASCII))
    ranks = [image.RAMP.index(char) for char in line]
    assert ranks[0] == 0
    assert ranks[3] == 9
    assert 0 < ranks[1] == ranks[2] < 9


def test_brighter_pixels_never_get_a_fainter_glyph():
    (line,) = texts(image.draw(np.linspace(0, 1, 64)[None, :], ASCII))
    ranks = [image.RAMP.index(char) for char in line]
    assert ranks == sorted(ranks)
    assert set(ranks) == set(range(10))


def test_the_last_row_of_an_odd_image_is_kept():
    pixels = np.zeros((3, 2))
    pixels[2] = 1
    assert texts(image.draw(pixels, ASCII)) == ["  ", "@@"]
    assert texts(image.draw(pixels, MONO, "half")) == ["  ", "▀▀"]


def test_without_colour_half_blocks_are_black_and_white():
    pixels = np.array([[0, 1, 0, 1], [0, 0, 1, 1]], dtype=float)
    assert texts(image.draw(pixels, MONO, "half")) == [" ▀▄█"]


def test_16_colours_get_the_ramp_and_half_blocks_only_on_demand():
    pixels = np.linspace(0, 1, 8).reshape(2, 4)
    assert "▀" not in image.draw(pixels, ANSI)[0].text
    assert "▀" in image.draw(pixels, ANSI, "half")[0].text


@given(images, terminals, modes)
def test_an_image_has_the_size_that_was_promised(pixels, terminal, mode):
    width, height = image.size(*pixels.shape, mode)
    for strips in (
        image.draw(pixels, terminal, mode),
        signed_image.diverging(pixels - 0.5, 0.5, terminal, mode),
    ):
        assert len(strips) == height
        assert widths(strips) == {width} == {strip.cell_length for strip in strips}


def test_a_digit_is_28_by_14_and_large_56_by_28():
    assert image.size(28, 28) == (28, 14)
    assert image.size(28, 28, "large") == (56, 28)
    assert image.size(8, 8) == (8, 4)


def test_values_out_of_range_are_clipped_and_nan_is_black():
    pixels = np.array([[-1.0, 2.0, np.nan, np.inf]])
    assert texts(image.draw(pixels, ASCII)) == [" @ @"]


@given(weights, st.sampled_from([TRUE_COLOR, 256]), st.booleans())
def test_colours_tell_the_sign(values, colors, dark):
    strips = signed_image.diverging(values, 1.0, Terminal(colors, dark=dark), "large")
    for row, strip in zip(values, strips, strict=True):
        for value, (_, style) in zip(np.repeat(row, 2), cells(strip), strict=True):
            red, _, blue = style.bgcolor.triplet
            if abs(value) > 0.1:
                assert (blue > red) == (value > 0)
            if value == 0:
                assert red == blue == (0 if dark else 255)


@given(weights, st.sampled_from([ASCII, MONO, ANSI]))
def test_glyphs_tell_the_sign_where_colours_cannot(values, terminal):
    strips = signed_image.diverging(values, 1.0, terminal, "large")
    for row, strip in zip(values, strips, strict=True):
        for value, char in zip(np.repeat(row, 2), strip.text, strict=True):
            if abs(value) > 0.1:
                assert char in (signed_image.POSITIVE if value > 0 else signed_image.NEGATIVE)[1:]
            if value == 0:
                assert char == " "


def test_the_two_families_of_glyphs_share_no_glyph():
    assert not set(signed_image.POSITIVE[1:]) & set(signed_image.NEGATIVE[1:])


def test_opposite_signs_in_one_cell_do_not_cancel_out():
    epsilon = np.array([[0.1], [-0.1]])
    assert texts(signed_image.diverging(epsilon, 0.1, ASCII)) == ["#"]
    assert texts(signed_image.diverging(-epsilon, 0.1, ASCII)) == ["="]


def test_a_scale_of_zero_draws_nothing():
    assert texts(signed_image.diverging(np.ones((2, 2)), 0.0, ASCII)) == ["  "]


@given(terminals, modes)
def test_the_legend_runs_from_minus_to_plus_the_scale(terminal, mode):
    (line,) = signed_image.legend(0.125, terminal, mode)
    assert line.text.startswith("-0.125 ")
    assert line.text.endswith(" +0.125")


def test_the_legend_in_ascii_shows_every_glyph_in_order():
    (line,) = signed_image.legend(0.1, ASCII)
    assert line.text == "-0.1 ==~~--..  ''++**## +0.1"


@pytest.mark.parametrize("shape", [(1, 1), (64, 64), (8, 8), (7, 30), (0, 5)])
def test_any_shape_can_be_drawn(shape):
    for mode in ("auto", "half", "ascii", "large"):
        for terminal in (TRUE, ASCII, MONO, ANSI):
            image.draw(np.zeros(shape), terminal, mode)
            signed_image.diverging(np.zeros(shape), 1.0, terminal, mode)


rows_of_images = shapes.flatmap(
    lambda shape: st.lists(
        arrays(np.float64, shape, elements=st.floats(0, 1)), min_size=1, max_size=4
    )
)


@given(rows_of_images, terminals, modes, st.integers(0, 5), st.integers(0, 3))
def test_images_side_by_side_stand_apart(pixels, terminal, mode, room, gap):
    least, lines = image.size(*pixels[0].shape, mode)
    width = least + room
    row = image.draw_row(np.stack(pixels), pixels[0].shape, width, gap, terminal, mode)
    assert len(row) == lines
    assert widths(row) == {len(pixels) * (width + gap) - gap}
    for start in range(least, widths(row).pop(), width + gap):
        assert not any(strip.crop(start, start + room + gap).text.strip() for strip in row)


@given(rows_of_images, st.integers(0, 3))
def test_images_side_by_side_are_what_each_is_alone(pixels, gap):
    height, width = pixels[0].shape
    row = image.draw_row(np.stack(pixels), (height, width), width, gap, TRUE)
    for number, each in enumerate(pixels):
        start = number * (width + gap)
        shown = decode([strip.crop(start, start + width) for strip in row], height, TRUE_COLOR)
        assert np.abs(shown - 255 * each).max() <= 255 / 80 + 0.5


@given(rows_of_images, terminals, st.integers(0, 3))
def test_signed_images_side_by_side_have_the_size_that_they_should(pixels, terminal, gap):
    least, lines = image.size(*pixels[0].shape)
    row = signed_image.diverging_row(pixels, 0.5, least, gap, terminal)
    assert len(row) == lines
    assert widths(row) == {len(pixels) * (least + gap) - gap}


@pytest.mark.parametrize(
    ("room", "times"),
    [((27, 99), 0), ((28, 14), 1), ((60, 30), 2), ((90, 42), 3), ((200, 57), 4), ((112, 55), 3)],
)
def test_a_picture_grows_by_whole_cells_of_its_room(room, times):
    pixels = np.random.default_rng(0).random((28, 28))
    assert image.most_times(pixels.shape, *room) == times
    if times < 2:
        return
    for terminal in (TRUE, ASCII):
        drawn = image.picture(pixels, *room, terminal)
        assert (widths(drawn), len(drawn)) == ({28 * times}, 14 * times)
    grown, mode = image.enlarged(pixels, times)
    step = len(grown) // 28
    assert image.size(*grown.shape, mode) == (28 * times, 14 * times)
    assert all(np.array_equal(grown[place::step, place::step], pixels) for place in range(step))
