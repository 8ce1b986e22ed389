"""Quitting: at once, or after the question what is to become of a run that is going on."""

from collections.abc import Callable
from threading import Event

import pytest

from mnistop.engine.config import RunConfig
from mnistop.engine.errors import RunError
from mnistop.tui.draw.capabilities import Terminal
from tests.helpers import made_up
from tests.helpers.dashboard import Opened, Workers
from tests.helpers.selection import one_in


async def test_q_quits_at_once_when_nothing_trains(opened: Opened) -> None:
    async with opened() as shown:
        await shown.show(3, made_up.finished(3))
        await shown.press("q")
        assert shown.app.is_exiting


async def test_while_training_q_asks_in_one_line_and_the_charts_stay(opened: Opened) -> None:
    async with opened() as shown:
        await shown.show(3)
        await shown.press("q")
        assert "Esc stay" in shown.lines[-1]
        assert "Loss and accuracy" in shown.text
        await shown.press("escape")
        assert "Esc stay" not in shown.text
        assert not shown.app.is_exiting


@pytest.mark.parametrize("key", one_in(4, ["d", "enter", "q", "ctrl+c"]))
async def test_quitting_leaves_the_run_going_on(opened: Opened, workers: Workers, key: str) -> None:
    async with opened() as shown:
        await shown.show(3)
        await shown.press("q", key)
        assert shown.app.is_exiting
        assert workers.told == []


async def test_quitting_with_s_waits_until_the_run_has_saved(
    opened: Opened, workers: Workers
) -> None:
    async with opened() as shown:
        await shown.show(3)
        await shown.press("q", "s")
        assert workers.told == ["stop"]
        assert not shown.app.is_exiting
        await shown.say(made_up.stopped(3))
        assert shown.app.is_exiting


async def test_new_epochs_are_drawn_behind_the_question(opened: Opened) -> None:
    async with opened() as shown:
        await shown.show(3)
        await shown.press("q")
        await shown.say(*(made_up.epoch(number) for number in range(3, 30)))
        await shown.until_shown("epoch 30 of 100")
        assert "Esc stay" in shown.lines[-1]


def hold(monkeypatch: pytest.MonkeyPatch, launch: Callable[[RunConfig], object]) -> Event:
    """Delay the start of a run until an event is set."""
    ready = Event()

    def launch_later(config: RunConfig) -> object:
        assert ready.wait(100)
        return launch(config)

    monkeypatch.setattr("mnistop.engine.worker.launch", launch_later)
    return ready


async def test_quitting_while_a_run_is_being_started_waits_for_it(
    opened: Opened, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = hold(monkeypatch, workers.launch)
    async with opened() as shown:
        await shown.press("r")
        await shown.until_shown("starting")
        await shown.press("q", "d")
        assert not shown.app.is_exiting
        ready.set()
        await shown.until(lambda: shown.app.is_exiting)
        assert shown.state.run


async def test_quitting_with_s_while_the_start_fails_quits(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(config: RunConfig) -> object:
        raise RunError("There is no room.")

    ready = hold(monkeypatch, refuse)
    async with opened() as shown:
        await shown.press("r", "q", "s")
        ready.set()
        await shown.until(lambda: shown.app.is_exiting)


async def test_without_unicode_the_question_is_ascii(opened: Opened) -> None:
    async with opened(terminal=Terminal(unicode=False)) as shown:
        await shown.show(3)
        await shown.press("q")
        assert shown.text.isascii()
