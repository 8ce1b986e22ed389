"""Terminals without Unicode, without colours, or with few of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.color import ColorType

from mnistop.engine.errors import DataError
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.terminal.attributes import to_ascii
from tests.helpers import made_up
from tests.helpers.dashboard import Dashboard, Opened, Workers
from tests.helpers.selection import one_in

ASCII = Terminal(colors=16, unicode=False)
COLOURLESS = Terminal(colors=0)
SIZES = one_in(3, [(120, 40), (80, 24), (60, 16)])
KEYS = {
    "charts": ("left", "y", "t", "plus"),
    "log": ("up", "b"),
    "matrix": ("left", "down"),
    "digit": ("n", "plus", "v"),
    "form": ("enter",),
}


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
def test_a_text_keeps_its_width_in_ascii(text: str) -> None:
    shown = to_ascii(text)
    assert shown.isascii()
    assert len(shown) == cell_len(text)


async def every_state(shown: Dashboard, workers: Workers):
    """Go through everything that the screen can show, and yield after each step."""
    yield "start"
    await shown.press("down", "right")
    yield "form"
    await shown.press("home", "down", "enter")
    yield "editing"
    await shown.press(*"nö", "enter")
    yield "edited"
    workers.refuses = DataError("Es gibt keine Datei „/tmp/größe“ … × 文字.")
    await shown.press("r")
    await shown.until(lambda: workers.launched)
    await shown.settle()
    yield "refused"
    await shown.show(40, names=("ä", "文字", "[b]", *"3456789"))
    for pane in ("charts", "log", "matrix", "digit", "form"):
        await shown.press("tab")
        yield pane
        await shown.press("z")
        yield f"{pane} alone"
        await shown.press("z", *KEYS[pane], "w")
        yield f"{pane} after its keys"
    shown.app.notify("ünïcödé ▶ 文字 …")
    await shown.settle()
    yield "notification"
    await shown.press("q")
    yield "question"
    await shown.press("escape", "question_mark")
    yield "help"
    await shown.press(*["pagedown"] * 3)
    yield "help"
    await shown.press("escape", "ctrl+p")
    await shown.settle()
    yield "palette"
    await shown.press("s", "t")
    await shown.settle()
    yield "palette"
    await shown.press("escape")
    await shown.say(made_up.failed("Schade – Größe ∞ ⇒ „zu groß“."))
    yield "failed"


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
async def test_without_unicode_all_that_is_drawn_is_ascii(
    opened: Opened, workers: Workers, size: tuple[int, int]
) -> None:
    async with opened(size, terminal=ASCII) as shown:
        async for where in every_state(shown, workers):
            for line in shown.lines:
                assert line.isascii(), (where, line)
                assert len(line) == size[0], (where, line)


async def test_without_unicode_the_sentence_in_a_terminal_too_small_is_ascii(
    opened: Opened,
) -> None:
    async with opened((50, 10), terminal=ASCII) as shown:
        assert "50x10 cells; mnistop needs 60x16" in shown.sentences
        assert shown.text.isascii()


@pytest.mark.slow
async def test_no_color_leaves_no_colour_in_any_state(
    opened: Opened, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with opened(terminal=COLOURLESS) as shown:
        async for where in every_state(shown, workers):
            for text, style, _ in shown.segments:
                if style and (colours := [c for c in (style.color, style.bgcolor) if c]):
                    assert all(c.type == ColorType.DEFAULT for c in colours), (where, text, style)


async def test_without_colours_focus_cursor_and_best_epoch_are_still_marked(
    opened: Opened, workers: Workers
) -> None:
    async with opened(terminal=COLOURLESS) as shown:
        await shown.show(40)
        await shown.press("tab", "tab", "up")
        assert "▸" in shown.lines_of("log")[0]
        assert any(style and style.reverse and "38" in text for text, style, _ in shown.segments)
        await shown.press("b")
        assert "★" in shown.text_of("log")


async def test_a_terminal_of_16_colours_gets_no_others(opened: Opened, workers: Workers) -> None:
    async with opened(terminal=Terminal(colors=16)) as shown:
        await shown.show(12)
        await shown.press("tab", "tab", "tab")
        for text, style, _ in shown.segments:
            for colour in (style.color, style.bgcolor) if style else ():
                if colour and colour.triplet:
                    assert set(colour.triplet) <= {0, 85, 170, 255}, (text, style)
