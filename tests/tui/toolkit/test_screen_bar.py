"""The line on top of every screen: which screens there are, and which one this is."""

import os
import re
from pathlib import Path

import pytest

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.toolkit.bars import SCREENS
from tests.helpers.dashboard import Dashboard, Opened
from tests.helpers.selection import one_in

NAMED = [row for row in SCREENS.values() if row.key]
NAMES = [row.name for row in NAMED]


def names_in(text: str, mark: str = "▸") -> list[str]:
    return text.replace(mark, " ").split()


def marked(shown: Dashboard, mark: str = "▸") -> str:
    """The name behind the mark, which is the only one."""
    _, _, after = shown.lines[0].partition(mark)
    assert mark not in after
    return next(name for name in NAMES if re.match(rf"\S? ?{name}\b", after))


@pytest.mark.slow
@pytest.mark.parametrize("size", one_in(3, [(120, 40), (80, 24)]))
async def test_every_screen_names_all_of_them_with_their_keys_and_marks_itself(
    opened: Opened, size: tuple[int, int]
) -> None:
    async with opened(size) as shown:
        await shown.show(3)
        for key, name, _ in NAMED:
            await shown.press(key)
            words = [word for key, name, _ in NAMED for word in (key, name)]
            if name == "Draw":
                words.remove("e")  # which is the eraser there
            assert "".join(names_in(shown.lines[0])) == "".join(words)
            assert marked(shown) == name
            assert not any(" Screens" in line for line in shown.lines)
            await shown.press("escape" if name == "Draw" else "1")


async def test_a_screen_without_a_key_belongs_to_the_one_that_it_is_opened_from(
    opened: Opened,
) -> None:
    async with opened() as shown:
        await shown.press("6", "C")
        assert "There are no sweeps yet" in shown.sentences
        assert marked(shown) == "Runs"


async def test_in_the_least_terminal_the_names_are_closer_together(opened: Opened) -> None:
    async with opened((60, 16)) as shown:
        for key, name, _ in NAMED:
            assert key + name[:3] in shown.lines[0]
        await shown.press("4")
        assert "▸4Weights 5Dat" in shown.lines[0]


async def test_the_present_screen_is_marked_without_colours_and_in_ascii(opened: Opened) -> None:
    async with opened((80, 24), Terminal(colors=0, unicode=False)) as shown:
        await shown.press("2")
        assert shown.lines[0].isascii()
        assert marked(shown, ">") == "Mistakes"
        [segment] = [part for part in shown.segments if part.text == "2Mistakes"]
        assert segment.style is not None
        assert segment.style.reverse
        assert segment.style.color is None or segment.style.color.is_default


async def test_a_click_on_a_name_opens_its_screen(opened: Opened) -> None:
    async with opened((80, 24)) as shown:
        for name in ("Runs", "Weights", "Draw", "Train"):
            await shown.pilot.click(offset=(shown.lines[0].index(name) + 1, 0))
            await shown.settle()
            assert marked(shown) == name


async def test_the_keys_are_those_of_the_users_own_file(opened: Opened) -> None:
    path = Path(os.environ["XDG_CONFIG_HOME"], "mnistop", "config.toml")
    path.parent.mkdir(parents=True)
    path.write_text('[keys]\n"screen.mistakes" = "f6"\n"screen.pad" = "D"\n')
    async with opened((80, 24)) as shown:
        assert "f6Mistakes" in shown.lines[0]
        await shown.press("D")
        assert marked(shown) == "Draw"
        assert "DDraw" in shown.lines[0]


async def test_it_costs_the_charts_of_a_small_terminal_one_line(opened: Opened) -> None:
    async with opened((80, 24)) as shown:
        await shown.show(3)
        await shown.go_to("charts")
        assert shown.pane("charts").region.height >= 17
