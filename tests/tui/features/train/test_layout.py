"""Visible panes, focus, and their shares of terminals of all sizes."""

import pytest
from textual.geometry import Size

from tests.helpers import made_up
from tests.helpers.dashboard import PANES, Opened
from tests.helpers.selection import one_in

WIDE, MEDIUM, SMALL, LARGE, TINY = (120, 40), (100, 34), (80, 24), (200, 60), (50, 10)


@pytest.mark.parametrize("size", one_in(3, [WIDE, LARGE]))
async def test_a_large_terminal_shows_all_panes_at_once(
    opened: Opened, size: tuple[int, int]
) -> None:
    async with opened(size) as shown:
        assert shown.visible == list(PANES)
        assert shown.focused == "form"


async def test_a_medium_terminal_shows_charts_log_and_one_more_pane(opened: Opened) -> None:
    async with opened(MEDIUM) as shown:
        assert shown.visible == ["form", "charts", "log"]
        await shown.press("tab", "tab", "tab")
        assert shown.visible == ["charts", "log", "matrix"]
        await shown.press("tab")
        assert shown.visible == ["charts", "log", "digit"]
        await shown.press("tab", "tab")
        assert shown.focused == "charts"
        assert shown.visible == ["form", "charts", "log"]


async def test_a_small_terminal_shows_one_pane_at_a_time(opened: Opened) -> None:
    async with opened(SMALL) as shown:
        for name in PANES:
            assert shown.visible == [name]
            assert shown.focused == name
            await shown.press("tab")
        assert shown.visible == ["form"]
        await shown.press("shift+tab")
        assert shown.visible == ["digit"]


@pytest.mark.parametrize("size", one_in(3, [WIDE, MEDIUM, SMALL, LARGE]))
async def test_tab_goes_round_all_panes(opened: Opened, size: tuple[int, int]) -> None:
    async with opened(size) as shown:
        await shown.show(3)
        names = list(PANES)
        start = names.index(shown.focused)
        for step in range(1, len(names) + 1):
            await shown.press("tab")
            assert shown.focused == names[(start + step) % len(names)]
            assert shown.focused in shown.visible
        for step in range(1, len(names) + 1):
            await shown.press("shift+tab")
            assert shown.focused == names[(start - step) % len(names)]


async def test_many_tabs_at_once_count_each(opened: Opened) -> None:
    async with opened(WIDE) as shown:
        await shown.burst(*["tab"] * 7)
        assert shown.focused == "log"


async def test_the_title_of_the_focused_pane_alone_is_marked(opened: Opened) -> None:
    async with opened(WIDE) as shown:
        await shown.show(3)
        for name in ("charts", "log", "matrix", "digit"):
            await shown.press("tab")
            marked = [pane for pane in PANES if "▸" in shown.lines_of(pane)[0]]
            assert marked == [name]


@pytest.mark.parametrize("size", one_in(3, [WIDE, MEDIUM]))
@pytest.mark.parametrize("name", one_in(5, PANES))
async def test_z_makes_a_pane_full_screen_and_back(
    opened: Opened, size: tuple[int, int], name: str
) -> None:
    async with opened(size) as shown:
        await shown.show(3)
        await shown.go_to(name)
        before = shown.visible
        await shown.press("z")
        assert shown.visible == [name]
        assert shown.focused == name
        assert shown.pane(name).region.width == size[0]
        await shown.press("z")
        assert shown.visible == before
        assert shown.focused == name


async def test_tab_goes_on_through_full_screen_panes_and_esc_leaves_them(opened: Opened) -> None:
    async with opened(WIDE) as shown:
        await shown.show(3)
        await shown.press("tab", "z", "tab")
        assert shown.visible == ["log"]
        await shown.press("escape")
        assert shown.visible == list(PANES)
        assert shown.focused == "log"


async def test_z_is_not_offered_where_one_pane_fills_the_screen(opened: Opened) -> None:
    async with opened(SMALL) as shown:
        assert "z Zoom" not in shown.lines[-1]
        await shown.press("z")
        await shown.resize(*WIDE)
        assert shown.visible == list(PANES)
        assert "z Zoom" in shown.lines[-1]


async def test_a_pane_that_fills_the_screen_does_so_at_every_size(opened: Opened) -> None:
    async with opened(WIDE) as shown:
        await shown.press("tab", "z")
        for size in (LARGE, SMALL, MEDIUM, WIDE):
            await shown.resize(*size)
            assert shown.visible == ["charts"]
        await shown.press("z")
        assert shown.visible == list(PANES)


async def test_a_terminal_too_small_gets_one_sentence_and_all_comes_back(opened: Opened) -> None:
    async with opened(TINY) as shown:
        assert shown.visible == []
        assert "50×10 cells; mnistop needs 60×16" in shown.sentences
        await shown.resize(*WIDE)
        assert shown.visible == list(PANES)
        assert shown.focused == "form"
        await shown.show(3)
        await shown.press("tab", "tab")
        await shown.resize(59, 40)
        assert "59×40" in shown.sentences
        await shown.resize(*SMALL)
        assert shown.visible == ["log"]
        assert shown.focused == "log"
        assert f"{made_up.epoch(2).train_loss:.3f}" in shown.text_of("log")


async def test_training_goes_on_unseen_in_a_terminal_too_small(opened: Opened) -> None:
    async with opened(WIDE) as shown:
        await shown.show(3)
        await shown.resize(*TINY)
        await shown.say(made_up.epoch(3), made_up.epoch(4))
        await shown.resize(*MEDIUM)
        assert "epoch 5 of 100" in shown.text
        assert f"{made_up.epoch(4).train_loss:.3f}" in shown.text_of("log")


@pytest.mark.parametrize("size", one_in(3, [WIDE, MEDIUM, SMALL, LARGE, (60, 16)]))
async def test_the_progress_line_and_the_keys_are_always_there(
    opened: Opened, size: tuple[int, int]
) -> None:
    async with opened(size) as shown:
        assert "Press r to train" in shown.text
        await shown.show(3)
        for _ in PANES:
            assert "epoch 3 of 100" in shown.lines[-2]
            assert "q Quit" in shown.lines[-1]
            assert "? Help" in shown.lines[-1]
            assert "tab Pane" in shown.lines[-1]
            assert "s Stop" in shown.lines[-1]
            await shown.press("tab")


@pytest.mark.slow
@pytest.mark.parametrize("size", one_in(3, [WIDE, MEDIUM, SMALL, LARGE]))
async def test_a_resized_terminal_shows_what_a_fresh_one_does(
    opened: Opened, size: tuple[int, int]
) -> None:
    pictures = []
    for first in (size, TINY, LARGE):
        async with opened(first) as shown:
            await shown.show(12)
            await shown.go_to("charts")
            await shown.resize(*size)
            await shown.until(lambda shown=shown: "FGSM" in shown.text or size != WIDE)
            pictures.append(shown.text)
    assert pictures == [pictures[0]] * 3


async def test_a_click_gives_a_pane_the_keys(opened: Opened) -> None:
    async with opened(WIDE) as shown:
        await shown.show(3)
        for name in ("digit", "charts", "matrix", "log", "form"):
            await shown.pilot.click(PANES[name], offset=(3, 0))
            assert shown.focused == name


async def test_a_click_on_a_name_shows_that_pane(opened: Opened) -> None:
    async with opened(SMALL) as shown:
        x = shown.lines[1].index("Confusion")
        await shown.pilot.click(offset=(x + 2, 1))
        assert shown.visible == ["matrix"]


async def test_a_frame_laid_out_for_another_size_is_not_taken_for_what_is_shown(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as shown:
        forgotten = []
        monkeypatch.setattr(shown.app, "_forget", lambda: forgotten.append(shown.screen.outer_size))
        shown.screen.refresh()
        await shown.settle()
        assert not forgotten
        monkeypatch.setattr(shown.app, "_size", Size(*SMALL))  # the layout follows a moment later
        shown.screen.refresh()
        await shown.settle()
        assert forgotten[0] == Size(*WIDE)
