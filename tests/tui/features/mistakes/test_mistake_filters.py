"""The images that the screen of mistakes lists: cells of the matrix, classes, filters."""

import re
from pathlib import Path

import numpy as np
import pytest

from mnistop.tui.features.mistakes.screen import MistakesScreen
from tests.helpers import made_up
from tests.helpers.dashboard import Opened
from tests.helpers.mistakes_screen import WRONG, listed, screen, show, surest_first


@pytest.mark.slow
async def test_a_cell_of_the_matrix_opens_its_images_and_esc_returns_to_it(
    opened: Opened, tmp_path: Path
) -> None:
    async with opened() as shown:
        await show(shown, tmp_path, screen=False)
        await shown.press("tab", "tab", "tab", "enter")
        await shown.until(lambda: isinstance(shown.app.screen, MistakesScreen))
        await shown.settle()
        true, predicted = shown.screen.query_one("Confusion").cell  # type: ignore[attr-defined]
        assert f"true:{true} pred:{predicted} all" in shown.lines[1]
        assert listed(shown) == sorted((row for row in WRONG if row % 10 == true), key=surest_first)
        await shown.press("escape")
        await shown.settle()
        assert shown.app.screen is shown.screen
        assert shown.focused == "matrix"


async def test_on_a_small_terminal_enter_works_at_once_on_the_worst_cell(
    opened: Opened, tmp_path: Path
) -> None:
    async with opened(size=(80, 24)) as shown:
        await show(shown, tmp_path, screen=False)
        await shown.press("tab", "tab")
        await shown.settle()
        assert "taken for" in shown.text
        await shown.press("enter")
        await shown.settle()
        assert set(listed(shown)) <= set(WRONG)
        assert "true:" in shown.lines[1]


async def test_an_empty_cell_says_that_nothing_is_taken_so(opened: Opened, tmp_path: Path) -> None:
    async with opened() as shown:
        await show(shown, tmp_path, screen=False)
        await shown.press("tab", "tab", "tab")
        true, predicted = shown.screen.query_one("Confusion").cell  # type: ignore[attr-defined]
        await shown.press("right", "enter")
        await shown.settle()
        assert f"No {true} is taken for {predicted + 1} at epoch 19." in shown.sentences
        assert "Esc to go back" in shown.sentences


async def test_a_cell_is_entered_by_the_names_of_its_classes(
    opened: Opened, tmp_path: Path
) -> None:
    async with opened() as shown:
        await show(shown, tmp_path, names=tuple("9876543210"), screen=False)
        await shown.press("tab", "tab", "tab", "enter")
        await shown.settle()
        true = shown.screen.query_one("Confusion").cell[0]  # type: ignore[attr-defined]
        assert f"true:{9 - true} " in shown.lines[1]
        assert listed(shown) == sorted((row for row in WRONG if row % 10 == true), key=surest_first)


@pytest.mark.slow
async def test_esc_undoes_the_filter_of_a_cell_but_not_one_that_was_typed(
    opened: Opened, tmp_path: Path
) -> None:
    async with opened() as shown:
        await show(shown, tmp_path)
        await shown.press("slash", *"conf>0.6", "enter", "escape", "tab", "tab", "tab")
        for _ in range(2):
            await shown.press("enter")
            await shown.until(lambda: "true:" in shown.lines[1])
            entered = shown.lines[1]
            await shown.press("c", "tab", "enter")
            await shown.until(lambda: "all" not in shown.lines[1])
            await shown.press("escape")
            await shown.settle()
            assert shown.lines[1] == entered
            await shown.press("1")
        await shown.press("enter", "escape", "2")
        await shown.until(lambda: shown.lines[1].split() == ["/", "filter", "conf>0.6"])
        await shown.press("1", "enter")
        await shown.until(lambda: "true:" in shown.lines[1])
        await shown.press("slash", *" conf>0.7", "enter", "escape", "2")
        await shown.until(lambda: "all conf>0.7" in shown.lines[1])


@pytest.mark.slow
async def test_a_filter_is_typed_completed_and_applied(opened: Opened, tmp_path: Path) -> None:
    async with opened() as shown:
        await show(shown, tmp_path)
        await shown.press("slash", "t", "r")
        await shown.until(lambda: "true" in shown.lines[1])
        await shown.press("tab", "3")
        assert screen(shown)._filter.input.value == "true:3"
        await shown.press("enter")
        await shown.settle()
        assert listed(shown) == sorted((row for row in WRONG if row % 10 == 3), key=surest_first)
        await shown.press("n")
        await shown.settle()
        assert screen(shown)._filter.input.value == "true:3"


async def test_a_word_that_is_being_typed_is_not_called_wrong_before_enter(
    opened: Opened, tmp_path: Path
) -> None:
    async with opened() as shown:
        await show(shown, tmp_path)
        assert "none; e.g. true:4" in shown.lines[1]
        await shown.press("slash", *"co")
        await shown.settle()
        assert "not known" not in shown.sentences
        await shown.press("enter")
        await shown.settle()
        assert '"co" is not known: did you mean conf>0.5?' in shown.sentences
        await shown.press("x")
        await shown.settle()
        assert '"cox" is not known' in shown.sentences


@pytest.mark.slow
async def test_a_filter_that_was_typed_but_not_applied_does_not_stay_in_sight(
    opened: Opened, tmp_path: Path
) -> None:
    async with opened() as shown:
        await show(shown, tmp_path)
        await shown.press("slash", *"true:3 conf>0.5", "tab")
        await shown.settle()
        assert screen(shown)._filter.input.has_focus
        await shown.press("shift+tab")
        await shown.settle()
        assert screen(shown)._filter.input.value == ""
        assert listed(shown) == sorted(WRONG, key=surest_first)


async def test_a_filter_that_makes_no_sense_says_so_and_is_not_applied(
    opened: Opened, tmp_path: Path
) -> None:
    async with opened() as shown:
        await show(shown, tmp_path)
        before = listed(shown)
        await shown.press("slash", *"true:12", "enter")
        await shown.settle()
        assert "there is no class 12" in shown.sentences
        await shown.press("escape")
        await shown.settle()
        assert "there is no class 12" not in shown.sentences
        assert listed(shown) == before


async def test_classes_and_confused_pairs_are_entrances(opened: Opened, tmp_path: Path) -> None:
    async with opened() as shown:
        await show(shown, tmp_path)
        await shown.press("c")
        await shown.settle()
        assert "precision" in shown.text
        assert "Most confused pairs" in shown.text
        bars = [line for line in shown.lines if re.match(r" +\d +\d+\.\d% .*█", line)]
        assert len(bars) == 10
        await shown.press("down", "down", "enter")
        await shown.settle()
        assert "true:2" in shown.lines[1]
        assert {row % 10 for row in listed(shown)} == {2}
        await shown.press("escape")
        await shown.settle()
        assert "precision" in shown.text
        await shown.press("tab", "enter")
        await shown.settle()
        assert "pred:" in shown.lines[1]
        await shown.press("escape", "escape", "escape")
        await shown.settle()
        assert shown.app.screen is shown.screen


async def test_a_class_that_is_never_predicted_has_a_dash(opened: Opened, tmp_path: Path) -> None:
    said = np.zeros((3, made_up.VALIDATION), np.uint8)
    async with opened() as shown:
        await show(shown, tmp_path, 2, said)
        await shown.press("c")
        await shown.settle()
        row = next(line for line in shown.lines[1:] if line.split()[:1] == ["1"])
        assert row.split()[1:5] == ["–", "0.0%", "0.0%", "20"]


async def test_the_example_names_two_classes_of_the_run(opened: Opened) -> None:
    async with opened() as shown:
        await shown.show(1, names=("cat", "dog, big"))
        await shown.press("2")
        await shown.until(lambda: "e.g. true:cat pred:dog,_big" in shown.lines[1])
