"""The screen of mistakes: list, gallery, pairs, and what it shows without a run."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from textual.widget import Widget

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.mistakes.images import ChosenImage, Gallery
from mnistop.tui.features.mistakes.lists import MistakeList
from tests.helpers import made_up
from tests.helpers import recorded_predictions as judged
from tests.helpers.dashboard import Opened
from tests.helpers.mistakes_screen import WRONG, listed, screen, show, surest_first
from tests.helpers.selection import one_in


async def test_the_surest_mistakes_come_first(opened: Opened, tmp_path: Path) -> None:
    async with opened() as shown:
        await show(shown, tmp_path)
        assert listed(shown) == sorted(WRONG, key=surest_first)
        assert "Mistakes 22 of 200" in shown.text or "Mistakes 22/200, epoch 19" in shown.text
        first = sorted(WRONG, key=surest_first)[0]
        assert f"Image {first}, epoch 19" in shown.text
        true = first % 10
        assert f"✗ {true} taken for {(true + 1) % 10}, {50 + first % 50}.0% sure" in shown.text
        assert "never right in 20 epochs" in shown.text
        assert f"{(true + 1) % 10}×20" in shown.text


@pytest.mark.slow
async def test_n_and_p_and_the_arrows_choose_another_image(opened: Opened, tmp_path: Path) -> None:
    async with opened() as shown:
        await show(shown, tmp_path)
        order = sorted(WRONG, key=surest_first)
        for key, position in (("n", 1), ("down", 2), ("j", 3), ("p", 2), ("k", 1), ("up", 0)):
            await shown.press(key)
            await shown.settle()
            assert f"Image {order[position]}, epoch" in shown.text
        await shown.press("end")
        await shown.settle()
        assert f"Image {order[-1]}, epoch" in shown.text
        await shown.press("n", "home")
        await shown.settle()
        assert f"Image {order[0]}, epoch" in shown.text


async def test_the_order_changes_and_the_chosen_image_stays(opened: Opened, tmp_path: Path) -> None:
    async with opened() as shown:
        await show(shown, tmp_path)
        chosen = sorted(WRONG, key=surest_first)[0]
        await shown.press("o", "o", "o")
        await shown.settle()
        assert listed(shown) == WRONG
        assert "by number" in shown.text
        assert f"Image {chosen}, epoch" in shown.text


@pytest.mark.slow
@pytest.mark.parametrize("size", one_in(3, [(120, 40), (80, 24)]))
async def test_a_gallery_shows_sixteen_and_marks_the_wrong_ones(
    opened: Opened, tmp_path: Path, size: tuple[int, int]
) -> None:
    async with opened(size) as shown:
        await show(shown, tmp_path)
        await shown.press("g")
        await shown.settle()
        assert shown.text.count("✗") == 16
        assert "page 1 of 2" in shown.text
        await shown.press("pagedown")
        await shown.settle()
        assert "page 2 of 2" in shown.text
        await shown.press("enter")
        await shown.settle()
        assert f"Image {sorted(WRONG, key=surest_first)[16]}, epoch" in shown.text
        await shown.press("escape")
        await shown.settle()
        assert "page 2 of 2" in shown.text
        await shown.press("escape", "escape")
        await shown.settle()
        assert shown.app.screen is shown.screen


async def test_a_right_and_a_wrong_image_stand_side_by_side(opened: Opened, tmp_path: Path) -> None:
    async with opened() as shown:
        await show(shown, tmp_path)
        await shown.press("x")
        await shown.settle()
        wrong = sorted(WRONG, key=surest_first)[0]
        assert f"and image {wrong}" in shown.text
        line = next(line for line in shown.lines if "✗" in line)
        assert f"✓ {wrong % 10}" in line
        assert f"✗ {wrong % 10} taken for" in line


@pytest.mark.slow
async def test_without_a_run_the_screen_says_what_fills_it(opened: Opened) -> None:
    async with opened() as shown:
        await shown.press("2")
        await shown.settle()
        assert "press 1 for the dashboard, then r to train" in shown.sentences
        await shown.press(*"nopgxc", "down", "end", "enter", "escape", "escape")
        await shown.settle()
        assert shown.app.screen is shown.screen


@pytest.mark.slow
async def test_no_mistakes_are_said_kindly(opened: Opened, tmp_path: Path) -> None:
    said = np.tile(made_up.labels(), (4, 1))
    async with opened(size=(140, 40)) as shown:
        await show(shown, tmp_path, 3, said)
        await shown.until_shown("No mistakes among 200 images at epoch 2.")
        await shown.press("slash", *"all", "enter")
        await shown.settle()
        assert len(listed(shown)) > 20


async def test_a_run_without_probabilities_says_so(opened: Opened, tmp_path: Path) -> None:
    async with opened() as shown:
        run = await show(shown, tmp_path, screen=False)
        (run.path / "log_probabilities.f16").unlink()
        await shown.press("2")
        await shown.settle()
        assert "was made by an older mnistop" in shown.sentences


@pytest.mark.slow
async def test_the_chosen_image_stays_while_training_goes_on(
    opened: Opened, tmp_path: Path
) -> None:
    async with opened() as shown:
        told = made_up.story(3)
        run = judged.write_run(tmp_path / "live", told)
        shown.screen.session.watch(run)
        await shown.say(*told, run=run)
        await shown.press("2")
        await shown.settle()
        while screen(shown)._model.row in WRONG:
            await shown.press("n")
        row = screen(shown)._model.row
        judged.record(run, judged.predictions(9))
        await shown.say(*(made_up.epoch(number) for number in range(3, 9)))
        assert f"Image {row}, epoch 8, no longer in the list" in shown.text
        assert "right since epoch" in shown.text
        await shown.press("left_square_bracket")
        await shown.settle()
        assert f"Image {row}, epoch 7" in shown.text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "colors"),
    one_in(
        6,
        [
            ((120, 40), 2**24),
            ((80, 24), 2**24),
            ((100, 34), 16),
            ((80, 24), 0),
            ((60, 16), 0),
            ((250, 70), 256),
        ],
        2,
    ),
)
async def test_every_view_fits_every_terminal_and_ascii_stays_ascii(
    opened: Opened, tmp_path: Path, size: tuple[int, int], colors: int
) -> None:
    terminal = Terminal(colors=colors, unicode=colors > 16)
    async with opened(size=size, terminal=terminal) as shown:
        await show(shown, tmp_path, names=tuple(f"dress {i}" for i in range(10)))
        for key in ("n", "z", "g", "v", "x", "c", "c", "slash"):
            await shown.press(key)
            await shown.settle()
            assert terminal.unicode or shown.text.isascii()
            assert all(len(line) <= size[0] for line in shown.lines)
            assert "Error" not in shown.text


async def test_names_of_classes_never_cut_numbers(opened: Opened, tmp_path: Path) -> None:
    names = ("日本", *(f"handwritten {letter}" for letter in "abcdefghi"))
    async with opened(size=(80, 24)) as shown:
        await show(shown, tmp_path, names=names)
        await shown.press("c")
        await shown.settle()
        assert re.search(r"times +share", shown.text)
        assert not re.search(r"\d…", shown.text)


@pytest.mark.slow
async def test_the_help_begins_with_what_is_in_sight(opened: Opened, tmp_path: Path) -> None:
    async with opened() as shown:
        await show(shown, tmp_path)
        await shown.press("question_mark")
        await shown.until(lambda: "Each row is a validation image" in shown.text)
        assert "Losses on a logarithmic scale" not in shown.text


async def test_a_view_is_drawn_once_as_it_comes_into_sight(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []
    for pane in (Gallery, MistakeList, ChosenImage):
        lines = pane.lines

        def noted(self: Any, width: int, height: int, lines: Any = lines) -> Any:
            drawn.append(type(self).__name__)
            return lines(self, width, height)

        monkeypatch.setattr(pane, "lines", noted)
    async with opened() as shown:
        await show(shown, tmp_path)
        for key, panes in (
            ("g", ["Gallery"]),
            ("g", ["ChosenImage", "MistakeList"]),
            ("z", ["ChosenImage"]),
            ("z", ["ChosenImage", "MistakeList"]),
            ("down", ["ChosenImage", "MistakeList"]),
            ("n", ["ChosenImage", "MistakeList"]),
        ):
            drawn.clear()
            await shown.press(key)
            await shown.settle()
            assert sorted(drawn) == panes


@pytest.mark.slow
async def test_of_another_epoch_the_hidden_dashboard_draws_nothing(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as shown:
        await show(shown, tmp_path)
        drawn: list[str] = []
        refresh = Widget.refresh

        def noted(self: Widget, *regions: Any, **options: Any) -> Widget:
            drawn.append("all of it" if self is shown.app.screen else type(self).__name__)
            return refresh(self, *regions, **options)

        monkeypatch.setattr(Widget, "refresh", noted)
        await shown.press("left_square_bracket")
        await shown.settle()
        assert "epoch 18" in shown.text
        assert {"MistakeList", "ChosenImage"} <= set(drawn)
        assert not {"all of it", "Charts", "EpochLog", "Confusion"} & set(drawn)
        await shown.press("1")
        await shown.settle()
        assert "Log, epoch 18" in shown.text
