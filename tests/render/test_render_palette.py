from dataclasses import fields

import pytest
from hypothesis import given
from rich.color import ColorSystem
from rich.style import Style

from tests.render.reading import terminals
from tui.render.colormap import luminance
from tui.render.palette import ANSI_RGB, Palette
from tui.render.terminal import TRUE_COLOR, Terminal

GROUNDS = {True: (0x000000, 0x121212, 0x1E1E1E), False: (0xFFFFFF, 0xE0E0E0)}
"""Black and white, and the grounds of Textual's themes."""


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
def test_every_tone_stands_out_from_its_ground(dark):
    for style in styles(Palette.of(Terminal(dark=dark))):
        if style.color is not None:
            red, green, blue = style.color.triplet
            for ground in GROUNDS[dark]:
                assert contrast(red << 16 | green << 8 | blue, ground) >= 3


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("colors", [16, 256, TRUE_COLOR])
def test_compared_curves_have_colours_of_their_own(colors, dark):
    lines = Palette.of(Terminal(colors, dark=dark)).lines
    assert len({line.color for line in lines}) == len(lines) >= 6


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
