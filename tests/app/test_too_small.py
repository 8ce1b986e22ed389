"""Terminals that are too small to show anything: no key or click acts."""

from pathlib import Path

import pytest
from textual import events
from textual.command import CommandPalette

from mnistop.tui.features.runs.screen import RunsScreen
from mnistop.tui.navigator import QuitScreen, TooSmallScreen
from mnistop.tui.toolkit.dialogs import AskScreen, HelpScreen
from tests.helpers import made_up
from tests.helpers.dashboard import Dashboard, Opened, Workers
from tests.helpers.runs_screen import some
from tests.helpers.selection import one_in

SIZES = [(40, 10), (59, 40), (120, 15), (1, 1)]
LARGE = (120, 40)


def is_covered(shown: Dashboard) -> bool:
    return isinstance(shown.app.screen, TooSmallScreen)


async def enlarge(shown: Dashboard) -> None:
    await shown.resize(*LARGE)
    await shown.until(lambda: not is_covered(shown))
    await shown.settle()


@pytest.mark.slow
@pytest.mark.parametrize("size", one_in(3, SIZES))
async def test_no_key_trains_stops_or_leads_to_another_screen_unseen(
    opened: Opened, workers: Workers, size: tuple[int, int]
) -> None:
    async with opened(size) as shown:
        assert is_covered(shown)
        await shown.press("r", "6", "f", "ctrl+p", "tab", "enter", "1", "0", "escape", "ctrl+l")
        assert not workers.launched
        assert is_covered(shown)
        await enlarge(shown)
        assert shown.app.screen is shown.screen
        assert shown.focused == "form"
        await shown.show(3)
        await shown.resize(*size)
        await shown.press("s", "space", "z", "tab")
        assert not workers.told
        await enlarge(shown)
        assert shown.focused == "form"
        await shown.press("s")
        assert workers.told == ["stop"]


@pytest.mark.slow
async def test_no_run_is_deleted_unseen_and_a_question_is_there_again_when_there_is_room(
    opened: Opened, workers: Workers
) -> None:
    runs = some(workers)
    async with opened(LARGE) as shown:
        await shown.press("6")
        await shown.until_shown("Runs: ")
        await shown.resize(*SIZES[0])
        await shown.press("d", "y", "escape", "n")
        await enlarge(shown)
        assert isinstance(shown.app.screen, RunsScreen)
        await shown.press("d")
        await shown.until(lambda: isinstance(shown.app.screen, AskScreen))
        await shown.resize(*SIZES[0])
        assert is_covered(shown)
        await shown.press("y")
        await enlarge(shown)
        assert isinstance(shown.app.screen, AskScreen)
        await shown.press("n")
        assert isinstance(shown.app.screen, RunsScreen)
        assert all(run.path.exists() for run in runs or [])


@pytest.mark.slow
async def test_what_is_pasted_or_typed_into_an_open_field_or_palette_is_lost(
    opened: Opened,
) -> None:
    async with opened(LARGE) as shown:
        await shown.press("ctrl+p")
        await shown.until(lambda: isinstance(shown.app.screen, CommandPalette))
        await shown.resize(*SIZES[0])
        await shown.press("t", "enter")
        await enlarge(shown)
        palette = shown.app.screen
        assert isinstance(palette, CommandPalette)
        await shown.press("escape")
        await shown.press("down", "enter")
        await shown.resize(*SIZES[0])
        shown.app.post_message(events.Paste("12345"))
        await shown.press("9", "enter")
        await enlarge(shown)
        assert "bundled" in shown.text_of("form")
        assert "12345" not in shown.text


@pytest.mark.slow
async def test_a_click_does_nothing_unseen(opened: Opened, workers: Workers) -> None:
    async with opened(LARGE) as shown:
        await shown.resize(*SIZES[0])
        for y in range(SIZES[0][1]):
            await shown.pilot.click(offset=(3, y))
        await enlarge(shown)
        assert shown.app.screen is shown.screen
        assert not workers.launched


async def test_keys_typed_ahead_do_not_act_once_there_is_room_again(
    opened: Opened, workers: Workers
) -> None:
    async with opened(SIZES[0]) as shown:
        for key in ("x", "r", "r"):
            shown.app.post_message(events.Key(key, key))
        shown.app.post_message(events.Resize((120, 40), (120, 40)))  # type: ignore[arg-type]
        await enlarge(shown)
        assert not workers.launched


@pytest.mark.slow
async def test_help_can_be_read_and_the_app_be_quit(opened: Opened) -> None:
    async with opened(SIZES[0]) as shown:
        await shown.press("question_mark")
        assert isinstance(shown.app.screen, HelpScreen)
        await shown.press("ctrl+p", "6")
        await shown.press("escape")
        assert is_covered(shown)
        await enlarge(shown)
        await shown.show(3)
        await shown.resize(*SIZES[0])
        await shown.press("q")
        assert isinstance(shown.app.screen, QuitScreen)
        assert "Esc stay" in shown.sentences
        await shown.resize(*LARGE)
        await shown.until(lambda: shown.screen.is_current)
        assert "Esc stay" in shown.sentences
        await shown.press("escape")
        await shown.until(lambda: shown.app.screen is shown.screen)
        await shown.resize(*SIZES[0])
        await shown.press("q", "d")
        assert shown.app.is_exiting


async def test_the_users_own_key_quits_in_a_terminal_too_small(
    opened: Opened, tmp_path: Path
) -> None:
    path = tmp_path / "xdg_config_home" / "mnistop" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text('[keys]\nquit = "x"\n')
    async with opened(SIZES[0]) as shown:
        await shown.press("q")
        assert not shown.app.is_exiting
        await shown.press("x")
        assert shown.app.is_exiting


@pytest.mark.slow
async def test_what_training_brings_meanwhile_is_shown_on_the_screen_that_was_covered(
    opened: Opened, workers: Workers
) -> None:
    async with opened(LARGE) as shown:
        await shown.show(3)
        await shown.press("2")
        await shown.resize(*SIZES[0])
        await shown.say(made_up.epoch(3), made_up.epoch(4))
        await enlarge(shown)
        assert "epoch 5 of 100" in shown.text


@pytest.mark.slow
async def test_no_toast_covers_the_words(opened: Opened) -> None:
    async with opened(LARGE) as shown:
        for number in range(8):
            shown.app.notify(f"A long sentence that takes some room here, number {number}.")
        await shown.resize(40, 10)
        await shown.until(lambda: is_covered(shown))
        await shown.settle()
        assert "needs 60×16." in " ".join(shown.text.split())
        assert "A long sentence" not in shown.text
        await enlarge(shown)
        assert "A long sentence" in shown.text
