from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from rich.color import ColorSystem
from rich.style import Style

from tests.render.reading import terminals
from tui.render.colormap import diverging, luminance
from tui.render.palette import ANSI_RGB, Palette
from tui.render.terminal import TRUE_COLOR, Terminal

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
