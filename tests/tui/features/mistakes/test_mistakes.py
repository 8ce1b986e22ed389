"""The mistakes screen as a person sees it: list, image, filter, gallery, pair and classes."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from textual.widget import Widget

from mnistop.engine.runs.run_folder import Run
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.mistakes.images import ChosenImage, Gallery
from mnistop.tui.features.mistakes.lists import MistakeList
from mnistop.tui.features.mistakes.screen import MistakesScreen
from tests.helpers import made_up
from tests.helpers import recorded_predictions as judged
from tests.helpers.dashboard import Dashboard, Opened

WRONG = [row for row in range(made_up.VALIDATION) if row % 9 == 4]
"""The images that are never right."""


def surest_first(row: int) -> tuple[int, int]:
    return -(row % 50), row


async def show(
    shown: Dashboard,
    folder: Path,
    epochs: int = 20,
    said: np.ndarray | None = None,
    names: tuple[str, ...] = made_up.DIGITS,
    screen: bool = True,
) -> Run:
    """Show a finished run with everything recorded, and open its mistakes."""
    told = [*made_up.story(epochs, names=names), made_up.finished(epochs)]
    run = judged.write_run(folder / "recorded", told, said, len(names))
    shown.screen.session.watch(run)
    await shown.say(*told, run=run)
    if screen:
        await shown.press("2")
        await shown.settle()
    return run


def listed(shown: Dashboard) -> list[int]:
    """The images in sight in the list."""
    rows = []
    for text in shown.lines[3:-2]:
        number = text.split()[0] if text.split() else ""
        if number.isdecimal() and text.index(number) < 5:
            rows.append(int(number))
    return rows


def screen(shown: Dashboard) -> MistakesScreen:
    assert isinstance(shown.app.screen, MistakesScreen)
    return shown.app.screen


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


async def test_the_order_changes_and_the_chosen_image_stays(opened: Opened, tmp_path: Path) -> None:
    async with opened() as shown:
        await show(shown, tmp_path)
        chosen = sorted(WRONG, key=surest_first)[0]
        await shown.press("o", "o", "o")
        await shown.settle()
        assert listed(shown) == WRONG
        assert "by number" in shown.text
        assert f"Image {chosen}, epoch" in shown.text


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
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


async def test_without_a_run_the_screen_says_what_fills_it(opened: Opened) -> None:
    async with opened() as shown:
        await shown.press("2")
        await shown.settle()
        assert "press 1 for the dashboard, then r to train" in shown.sentences
        await shown.press(*"nopgxc", "down", "end", "enter", "escape", "escape")
        await shown.settle()
        assert shown.app.screen is shown.screen


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


@pytest.mark.parametrize(
    ("size", "colors"),
    [
        ((120, 40), 2**24),
        ((80, 24), 2**24),
        ((100, 34), 16),
        ((80, 24), 0),
        ((60, 16), 0),
        ((250, 70), 256),
    ],
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


async def test_the_help_begins_with_what_is_in_sight(opened: Opened, tmp_path: Path) -> None:
    async with opened() as shown:
        await show(shown, tmp_path)
        await shown.press("question_mark")
        await shown.until(lambda: "Each row is a validation image" in shown.text)
        assert "Losses on a logarithmic scale" not in shown.text


# What a key costs


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
