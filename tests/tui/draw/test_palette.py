from dataclasses import fields
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from rich.color import ColorSystem
from rich.style import Style

from mnistop.tui.draw.capabilities import TRUE_COLOR, Terminal
from mnistop.tui.draw.colormap import diverging, luminance
from mnistop.tui.draw.palette import ANSI_RGB, Palette
from mnistop.tui.session.run_list import MOST_MARKED
from tests.tui.draw.color_difference import CONES, difference, lab
from tests.tui.draw.reading import terminals

GROUNDS = {True: (0x000000, 0x121212, 0x1E1E1E), False: (0xFFFFFF, 0xE0E0E0, 0xD8D8D8)}
"""Black and white, and the grounds of Textual's themes."""

ANSI = {
    "xterm": "000000 cd0000 00cd00 cdcd00 0000ee cd00cd 00cdcd e5e5e5 "
    "7f7f7f ff0000 00ff00 ffff00 5c5cff ff00ff 00ffff ffffff",
    "VGA": "000000 aa0000 00aa00 aa5500 0000aa aa00aa 00aaaa aaaaaa "
    "555555 ff5555 55ff55 ffff55 5555ff ff55ff 55ffff ffffff",
    "Tango": "2e3436 cc0000 4e9a06 c4a000 3465a4 75507b 06989a d3d7cf "
    "555753 ef2929 8ae234 fce94f 729fcf ad7fa8 34e2e2 eeeeec",
    "Campbell": "0c0c0c c50f1f 13a10e c19c00 0037da 881798 3a96dd cccccc "
    "767676 e74856 16c60c f9f1a5 3b78ff b4009e 61d6d6 f2f2f2",
}
"""The 16 colours of xterm, the Linux console, GNOME's and Windows' terminals."""


def styles(palette: Palette) -> list[Style]:
    named = [getattr(palette, field.name) for field in fields(palette)]
    return [style for style in named if isinstance(style, Style)] + list(palette.lines)


def contrast(first: int, second: int) -> float:
    lighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_black_and_white_have_the_contrast_that_wcag_gives_them():
    assert contrast(0x000000, 0xFFFFFF) == pytest.approx(21)
    assert contrast(0x767676, 0xFFFFFF) == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize(("colors", "least"), [(TRUE_COLOR, 4.5), (256, 4.0)])
def test_every_tone_stands_out_from_its_ground_as_wcag_asks_of_text(dark, colors, least):
    for style in styles(Palette.of(Terminal(colors, dark=dark))):
        if style.color is not None:
            shown = style.color if colors > 256 else style.color.downgrade(ColorSystem.EIGHT_BIT)
            red, green, blue = shown.get_truecolor()
            for ground in GROUNDS[dark]:
                assert contrast(red << 16 | green << 8 | blue, ground) >= least, style


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("name", ANSI)
def test_what_has_a_meaning_stands_out_with_16_colours_too(name, dark):
    look = [int(code, 16) for code in ANSI[name].split()]
    palette = Palette.of(Terminal(16, dark=dark))
    for role in ("train", "val", "good", "bad", "muted", "positive", "negative", "best"):
        shown = look[getattr(palette, role).color.downgrade(ColorSystem.STANDARD).number]
        assert contrast(shown, 0 if dark else 0xFFFFFF) >= 4, role


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("colors", [256, TRUE_COLOR])
def test_the_ends_of_the_diverging_colours_stand_out_from_zero(colors, dark):
    low, zero, high = diverging(np.array([-1.0, 0.0, 1.0]), Terminal(colors, dark=dark)).tolist()
    assert contrast(low, zero) >= 3
    assert contrast(high, zero) >= 3
    assert zero == (0 if dark else 0xFFFFFF)


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("colors", [256, TRUE_COLOR])
@pytest.mark.parametrize(("sight", "least"), [("usual", 15), *((each, 10) for each in CONES)])
def test_no_two_of_eight_compared_curves_look_alike(colors, dark, sight, least):
    lines = Palette.of(Terminal(colors, dark=dark)).lines
    assert len(lines) == MOST_MARKED == 8
    shown = [
        style.color.downgrade(ColorSystem.EIGHT_BIT) if colors == 256 else style.color
        for style in lines
    ]
    labs = [lab(color.get_truecolor(), CONES.get(sight)) for color in shown]
    assert min(difference(*pair) for pair in combinations(labs, 2)) >= least


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("name", ANSI)
def test_no_two_of_eight_compared_curves_look_alike_in_16_colours(name, dark):
    look = [int(code, 16) for code in ANSI[name].split()]
    lines = Palette.of(Terminal(16, dark=dark)).lines
    numbers = [style.color.downgrade(ColorSystem.STANDARD).number for style in lines]
    shown = [look[number] for number in numbers]
    assert all(contrast(color, 0 if dark else 0xFFFFFF) >= 2 for color in shown)
    labs = [lab((color >> 16, color >> 8 & 255, color & 255)) for color in shown]
    assert min(difference(*pair) for pair in combinations(labs, 2)) >= 9


def test_colour_differences_are_those_of_the_published_test_data():
    """Sharma, Wu, Dalal, "The CIEDE2000 Color-Difference Formula", table 1, pairs 1, 17, 25, 34."""
    pairs = [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ]
    for first, second, expected in pairs:
        assert difference(np.array(first), np.array(second)) == pytest.approx(expected, abs=1e-4)


@given(terminals)
def test_without_colour_there_is_none(terminal):
    colored = [s for s in styles(Palette.of(terminal)) if s.color or s.bgcolor]
    assert bool(colored) == (terminal.colors > 0)


def test_the_16_colours_arrive_as_they_were_meant():
    for terminal in (Terminal(16), Terminal(16, dark=False)):
        for style in styles(Palette.of(terminal)):
            if style.color is not None:
                number = style.color.downgrade(ColorSystem.STANDARD).number
                assert ANSI_RGB[number] == tuple(style.color.triplet)


@given(terminals)
def test_training_and_validation_differ_and_right_and_wrong_do(terminal):
    palette = Palette.of(terminal)
    assert palette.train != palette.val
    assert palette.good != palette.bad
    assert palette.positive != palette.negative
    assert palette.line("train") == palette.train
    assert palette.line("val") == palette.val
    assert palette.line(len(palette.lines)) == palette.line(0)
