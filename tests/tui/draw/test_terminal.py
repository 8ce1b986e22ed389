import os
import subprocess
import sys

import pytest

from mnistop.tui.draw.capabilities import TRUE_COLOR, Terminal


@pytest.mark.parametrize(
    ("environ", "colors"),
    [
        ({"TERM": "xterm-256color"}, 256),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, TRUE_COLOR),
        ({"TERM": "xterm-256color", "COLORTERM": "24bit"}, TRUE_COLOR),
        ({"TERM": "xterm-direct"}, TRUE_COLOR),
        ({"TERM": "xterm-kitty"}, TRUE_COLOR),
        ({"TERM": "alacritty"}, TRUE_COLOR),
        ({"TERM": "tmux-256color"}, 256),
        ({"TERM": "screen-256color", "TMUX": "x", "COLORTERM": "truecolor"}, TRUE_COLOR),
        ({"TERM": "screen-256color", "STY": "1.x", "COLORTERM": "truecolor"}, 256),
        ({"TERM": "screen"}, 16),
        ({"TERM": "xterm"}, 16),
        ({"TERM": "linux"}, 16),
        ({"TERM": "linux", "COLORTERM": "truecolor"}, 16),
        ({"TERM": "rxvt-16color"}, 16),
        ({"TERM": "vt100"}, 0),
        ({"TERM": "vt220"}, 0),
        ({"TERM": "xterm-mono"}, 0),
        ({"TERM": "dumb"}, 0),
        ({}, 0),
        ({"TERM": "xterm-256color", "NO_COLOR": "0"}, 0),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, 256),
    ],
)
def test_the_number_of_colours_is_found(environ, colors):
    assert Terminal.detect(environ, "utf-8").colors == colors


@pytest.mark.parametrize("encoding", ["utf-8", "UTF-8", "utf8", "UTF8"])
def test_utf8_means_unicode(encoding):
    assert Terminal.detect({"TERM": "xterm"}, encoding).unicode


@pytest.mark.parametrize(
    ("term", "encoding", "force"),
    [
        ("xterm", "ANSI_X3.4-1968", False),
        ("xterm", "iso-8859-1", False),
        ("xterm", None, False),
        ("xterm", "utf-8", True),
        ("linux", "utf-8", False),
        ("vt100", "utf-8", False),
        ("dumb", "utf-8", False),
        ("", "utf-8", False),
    ],
)
def test_where_blocks_and_braille_cannot_be_shown_it_is_ascii(term, encoding, force):
    assert not Terminal.detect({"TERM": term}, encoding, force).unicode


@pytest.mark.parametrize(
    ("colors", "unicode", "images"),
    [(256, True, "half"), (TRUE_COLOR, True, "half"), (16, True, "ascii"), (256, False, "ascii")],
)
def test_half_blocks_need_256_colours_and_unicode(colors, unicode, images):
    assert Terminal(colors, unicode).images == images


@pytest.mark.parametrize(
    ("colorfgbg", "dark"),
    [("15;0", True), ("0;15", False), ("0;default;15", False), ("0;7", False), ("", True)],
)
def test_the_ground_is_dark_unless_the_terminal_says_otherwise(colorfgbg, dark):
    assert Terminal.detect({"TERM": "xterm", "COLORFGBG": colorfgbg}, "utf-8").dark is dark


@pytest.mark.parametrize("light", [True, False])
@pytest.mark.parametrize("colorfgbg", ["15;0", "0;15", ""])
def test_what_is_said_of_the_ground_by_hand_holds(light, colorfgbg):
    environ = {"TERM": "xterm", "COLORFGBG": colorfgbg}
    assert Terminal.detect(environ, "utf-8", light=light).dark is not light


def test_the_colour_system_is_named_as_rich_names_it():
    names = [Terminal(colors).color_system for colors in (0, 16, 256, TRUE_COLOR)]
    assert names == [None, "standard", "256", "truecolor"]


@pytest.mark.parametrize("meant", ["C", "POSIX"])
def test_who_asks_for_the_c_locale_gets_ascii_though_python_writes_utf8(meant: str) -> None:
    environ = {"TERM": "xterm-256color", "LC_ALL": meant}
    assert not Terminal.detect(environ, "utf-8").unicode
    assert Terminal.detect(environ | {"LC_ALL": "C.UTF-8"}, "utf-8").unicode


MULTIPLEXERS = [
    {"TERM": "xterm-256color", "TMUX": "/tmp/tmux-1/default,1,0"},
    {"TERM": "xterm-256color", "STY": "1.pts"},
    {"TERM": "screen-256color"},
    {"TERM": "tmux"},
]
UTF8 = [
    {"LANG": "de_DE.UTF-8"},
    {"LC_CTYPE": "en_US.utf8"},
    {"LC_ALL": "", "LC_CTYPE": "", "LANG": "C.UTF-8"},
    {"LC_ALL": "C.UTF-8", "LANG": "C"},
    {"LC_CTYPE": "UTF-8", "LANG": "C"},
]
NOT_UTF8 = [{}, {"LC_ALL": "", "LANG": ""}, {"LC_ALL": "en_US", "LANG": "C.UTF-8"}]
C_LOCALES = [{"LC_ALL": "C", "LANG": "C.UTF-8"}, {"LANG": "C"}, {"LC_CTYPE": "POSIX"}]


@pytest.mark.parametrize("multiplexer", MULTIPLEXERS)
def test_in_a_multiplexer_only_a_utf8_locale_means_unicode(multiplexer):
    for locale in UTF8:
        found = Terminal.detect(multiplexer | locale, "utf-8")
        assert found.unicode, locale
        assert not found.advice
    for locale in NOT_UTF8 + C_LOCALES:
        found = Terminal.detect(multiplexer | locale, "utf-8")
        assert not found.unicode, locale
        assert "export LC_ALL=C.UTF-8" in found.advice
        assert not Terminal.detect(multiplexer | locale, "utf-8", force_ascii=True).advice


def test_elsewhere_no_locale_is_no_reason_against_unicode_but_c_is():
    for locale in UTF8 + NOT_UTF8:
        assert Terminal.detect({"TERM": "xterm"} | locale, "utf-8").unicode, locale
    for locale in C_LOCALES:
        found = Terminal.detect({"TERM": "xterm"} | locale, "utf-8")
        assert not found.unicode, locale
        assert not found.advice


INHERITED = """
import pathlib, sys
from mnistop.tui.draw.capabilities import inherited_environ
def no_proc(path):
    raise FileNotFoundError(path)
if sys.argv[1] == "elsewhere":
    pathlib.Path.read_bytes = no_proc
print(inherited_environ().get("LC_CTYPE"))
"""


@pytest.mark.fast
@pytest.mark.process
@pytest.mark.parametrize("system", ["here", "elsewhere"])
@pytest.mark.parametrize(
    ("given", "inherited"),
    [
        ({}, "None"),
        ({"LANG": "C"}, "None"),
        ({"LC_CTYPE": "C.UTF-8"}, "C.UTF-8"),
        ({"LC_CTYPE": "C.UTF-8", "PYTHONUTF8": "1"}, "C.UTF-8"),
        ({"LC_CTYPE": "xx_XX.UTF-8"}, None),
    ],
)
def test_the_locale_is_the_one_that_was_given_not_the_one_that_python_sets(
    given, inherited, system
):
    """Python's own replaces a given one that the machine does not have."""
    environ = _without_locale() | given
    command = (sys.executable, "-c", INHERITED, system)
    found = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    if inherited is None:
        assert found.stdout.strip() in ("None", given["LC_CTYPE"])
    else:
        assert found.stdout.strip() == inherited


def _without_locale():
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("LC_") and name not in ("LANG", "PYTHONUTF8")
    }
