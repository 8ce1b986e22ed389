"""The key P plays the epochs: all panes and screens follow, and every other key still acts."""

from __future__ import annotations

import pytest

from mnistop.tui.session.replay import Replay
from mnistop.tui.terminal.terminal_app import TerminalApp
from tests.helpers import made_up
from tests.helpers.dashboard import Dashboard, Opened
from tests.helpers.selection import one_in
from tests.tui.features.train.test_epoch_cursor import looks_at


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def with_clock(shown: Dashboard) -> Clock:
    """Let a replay's time pass only as the test wants."""
    clock = Clock()
    shown.screen.player.replay = Replay(clock)
    return clock


async def to_the_end(shown: Dashboard, clock: Clock) -> None:
    """Let time pass until the replay is over."""

    def is_over() -> bool:
        clock.now += 0.2
        return not shown.state.replay

    await shown.until(is_over)


@pytest.mark.slow
async def test_it_takes_all_panes_from_the_untrained_model_to_the_newest_epoch(
    opened: Opened,
) -> None:
    async with opened() as shown:
        clock = with_clock(shown)
        await shown.show(40)
        await shown.press("P")
        await looks_at(shown, -1)
        await shown.until_shown(
            "replay, untrained, 40 epochs to come P pauses, Esc ends", "ln 10 ="
        )
        for _ in range(5):
            clock.now += 0.5
            before = shown.state.shown_epoch
            await shown.until(lambda before=before: shown.state.shown_epoch > before)
        await looks_at(shown, 9)
        await shown.until_shown("replay, epoch 9 of 40")
        await to_the_end(shown, clock)
        assert shown.state.cursor is None
        await shown.until_shown("epoch 40 of 100")
        assert "replay" not in shown.text


async def test_p_pauses_it_and_goes_on_and_esc_ends_it(opened: Opened) -> None:
    async with opened() as shown:
        clock = with_clock(shown)
        await shown.show(40)
        await shown.press("P")
        clock.now += 1
        await shown.until(lambda: shown.state.shown_epoch == 3)
        await shown.press("P")
        await shown.until_shown("replay paused, epoch 3 of 40 P continues, Esc ends")
        clock.now += 1
        await shown.press("P")
        clock.now += 0.5
        await shown.until(lambda: shown.state.shown_epoch == 5)
        await shown.press("escape")
        assert shown.state.cursor is None
        assert "replay" not in shown.text


async def test_esc_ends_it_before_it_leaves_the_full_screen(opened: Opened) -> None:
    async with opened() as shown:
        with_clock(shown)
        await shown.show(40)
        await shown.press("tab", "z", "P", "escape")
        assert shown.visible == ["charts"]
        assert not shown.state.replay
        await shown.press("escape")
        assert len(shown.visible) > 1


async def test_a_cursor_key_takes_over(opened: Opened) -> None:
    async with opened() as shown:
        clock = with_clock(shown)
        await shown.show(40)
        await shown.press("tab", "P")
        clock.now += 1
        await shown.until(lambda: shown.state.shown_epoch == 3)
        await shown.press("right")
        clock.now += 1
        await looks_at(shown, 4)
        await shown.until_shown("replay paused, epoch 4 of 40")


async def test_without_epochs_it_says_why(opened: Opened) -> None:
    async with opened() as shown:
        await shown.press("P")
        assert "There is no epoch to replay: press r to train." in shown.notices
        assert "P Replay" not in shown.lines[-1]
        await shown.show(3)
        assert "P Replay" in shown.lines[-1]


async def test_it_plays_a_run_in_training_and_ends_at_the_newest_epoch(opened: Opened) -> None:
    async with opened() as shown:
        clock = with_clock(shown)
        await shown.show(40)
        await shown.press("P")
        clock.now += 1
        await shown.until(lambda: shown.state.shown_epoch == 3)
        await shown.say(*(made_up.epoch(number) for number in range(40, 100)))
        await shown.until_shown("replay, epoch 9 of 100")
        await to_the_end(shown, clock)
        assert shown.state.shown_epoch == 99


async def test_while_the_line_is_busy_frames_are_dropped_and_keys_act(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as shown:
        clock = with_clock(shown)
        await shown.show(40)
        await shown.press("tab", "P")
        is_free = False
        monkeypatch.setattr(TerminalApp, "line_is_free", property(lambda app: is_free))
        ticks = 0
        advanced = shown.screen.player.replay.advanced

        def counted(*args: object) -> object:
            nonlocal ticks
            ticks += 1
            return advanced(*args)  # type: ignore[arg-type]

        monkeypatch.setattr(shown.screen.player.replay, "advanced", counted)
        for number in range(1, 6):
            clock.now += 1
            await shown.until(lambda number=number: ticks >= number)
        assert shown.state.shown_epoch == -1
        await shown.press("y")
        await shown.until(lambda: "log" in shown.text_of("charts"))
        is_free = True
        await shown.until(lambda: shown.state.shown_epoch >= 15)


@pytest.mark.slow
async def test_behind_the_help_it_stands_still(opened: Opened) -> None:
    async with opened() as shown:
        clock = with_clock(shown)
        await shown.show(40)
        await shown.press("P", "question_mark")
        skipped = []
        shown.screen.player.replay.skip_time, skip = (
            lambda: skipped.append(skip()),
            (  # type: ignore[method-assign]
                shown.screen.player.replay.skip_time
            ),
        )
        clock.now += 60
        await shown.until(lambda: skipped)
        await shown.press("escape")
        assert (shown.state.shown_epoch, shown.state.replay) == (-1, "playing")


@pytest.mark.parametrize("screen", one_in(4, ["2", "3", "4", "e"]))
async def test_other_screens_play_and_end_it_and_esc_leaves_them_only_then(
    opened: Opened, screen: str
) -> None:
    async with opened() as shown:
        clock = with_clock(shown)
        await shown.show(40)
        await shown.press(screen)
        above = shown.app.screen
        assert above is not shown.screen
        await shown.press("P")
        await shown.until_shown("replay, untrained, 40 epochs to come")
        clock.now += 1
        await shown.until_shown("replay, epoch 3 of 40")
        await shown.press("right_square_bracket")
        await shown.until_shown("replay paused, epoch 4 of 40")
        await shown.press("escape")
        assert shown.app.screen is above
        assert shown.state.cursor is None
        await shown.press("escape")
        assert shown.app.screen is shown.screen
