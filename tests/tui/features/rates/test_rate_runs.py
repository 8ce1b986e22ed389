"""Runs at the marks of the learning-rate screen."""

import math
from dataclasses import replace

import pytest
from msgspec.structs import replace as changed

from mnistop.engine import events
from mnistop.engine.config import RunConfig
from mnistop.engine.errors import DataError
from mnistop.tui.features.rates.screen import RatesScreen
from tests.helpers import made_up
from tests.helpers.dashboard import Opened
from tests.helpers.rates_screen import SIZES, SWEEP, Finder, curve, find
from tests.helpers.selection import one_in


async def finish_runs(finder: Finder, *works: int) -> None:
    """All three runs to their end: those of these numbers learn, the others diverge."""
    for number in (1, 2, 3):
        name, say = finder.begin(number)
        if number in works:
            say(*made_up.story(100, name), made_up.finished(100, name))
        else:
            high = changed(made_up.epoch(0, name), train_loss=40.0, val_loss=9.0, val_acc=0.12)
            failed = events.RunFailed(run=name, time=0.0, message="diverged", diverged=True)
            say(made_up.started(name), high, failed)
    finder.alive.close()


@pytest.mark.slow
async def test_runs_of_other_settings_give_way_to_a_test_of_what_the_form_has(
    opened: Opened, finder: Finder
) -> None:
    async with opened() as shown:
        await find(shown)
        await shown.press("r")
        await shown.until_shown("What the curves show so far, with the notebook's settings")
        await finish_runs(finder, 2)
        await shown.until_shown("0.05 works, as the range test says.", "Enter puts 0.05")
        await shown.press("1")
        shown.screen._form.set_values({"hidden": "none"})
        await find(shown)
        assert "with hidden layers none" in shown.text
        assert "What the curves show" not in shown.text
        assert finder.asked[-1].hidden == ()

        await shown.press("x")
        await shown.until_shown("What the curves show, with the notebook's settings")
        assert "Runs of other settings than the form has" in shown.text
        finder.refuses = DataError("A run was asked for.")
        await shown.press("r", "enter")
        assert isinstance(shown.app.screen, RatesScreen)
        assert "A run was asked for." not in shown.notices
        await shown.press("x", "r")
        await shown.until(lambda: "A run was asked for." in shown.notices)


@pytest.mark.slow
async def test_a_good_rate_that_its_run_refutes_is_not_taken_into_the_form(
    opened: Opened, finder: Finder
) -> None:
    async with opened() as shown:
        await find(shown)
        await shown.press("r")
        await shown.until_shown("What the curves show so far")
        await finish_runs(finder)
        await shown.until_shown("not good: it is too high", "None of these rates works: try 2e-5")
        assert "Enter puts 2e-5 in the form" in shown.text
        await shown.press("x")
        await shown.until_shown("The range test took 0.05 for good.")
        assert not math.isclose(curve(shown).rate, 0.05)
        await shown.press("x", "enter")
        assert shown.screen.config == RunConfig(lr=0.00002)


@pytest.mark.slow
@pytest.mark.parametrize("size", one_in(3, SIZES[:2]))
async def test_one_key_trains_at_all_marks_and_says_what_each_curve_shows(
    opened: Opened, finder: Finder, size: tuple[int, int]
) -> None:
    async with opened(size) as shown:
        await find(shown)
        await shown.press("r")
        await shown.until_shown("What the curves show")
        assert [config.lr for config in finder.launched] == [0.0002, 0.05, 3.0]
        assert {replace(config, lr=0.1) for config in finder.launched} == {RunConfig()}
        await shown.until_shown("a too low 0.0002", "b good 0.05", "c too high 3", "waiting")

        name, say = finder.begin(1)
        flat = [changed(made_up.epoch(k, name), train_loss=2.3 - 0.001 * k) for k in range(100)]
        slow = [changed(each, val_loss=each.train_loss, val_acc=0.38) for each in flat]
        say(made_up.started(name), *slow[:40])
        await shown.until_shown("epoch 40 of 100, accuracy 38.0% (31.6–44.9)")
        say(*slow[40:], made_up.finished(100, name))
        name, say = finder.begin(2)
        say(*made_up.story(100, name), made_up.finished(100, name))
        name, say = finder.begin(3)
        high = changed(made_up.epoch(0, name), train_loss=40.0, val_loss=9.0, val_acc=0.12)
        failed = events.RunFailed(run=name, time=0.0, message="diverged", diverged=True)
        say(made_up.started(name), high, failed)
        assert "What the curves show so far" in shown.text
        finder.alive.close()
        await shown.until_shown(
            "it is too low, accuracy 38.0% (31.6–44.9)",
            "In 100 epochs training loss has fallen only from 2.303 to 2.20",
            "it works",
            "it is too high, diverged, accuracy 12.0% (8.2–17.2)",
            "Diverged in epoch 1: each step went too far",
            "It had risen to 40.00 in epoch 0.",
        )
        await shown.until(lambda: "so far" not in shown.text)
        assert all(len(line) == size[0] for line in shown.lines)


@pytest.mark.slow
async def test_the_runs_and_the_curve_are_a_key_apart_and_the_cursor_reads_all_out(
    opened: Opened, finder: Finder
) -> None:
    async with opened() as shown:
        await find(shown)
        await shown.press("x")
        assert "Learning-rate range test" in shown.text
        await shown.press("r")
        await shown.until_shown("What the curves show")
        for number in (1, 2, 3):
            name, say = finder.begin(number)
            say(*made_up.story(5, name), made_up.finished(5, name))
        await shown.until_shown("0.700")
        await shown.press("left", "left")
        assert "epoch 2" in shown.text
        await shown.press("escape", "escape")
        assert "Learning-rate range test" in shown.text
        await shown.press("x")
        assert "What the curves show" in shown.text
        await shown.press("x", "escape")
        assert shown.app.screen is shown.screen


@pytest.mark.slow
async def test_the_runs_are_stopped_by_s_while_they_go_on(opened: Opened, finder: Finder) -> None:
    async with opened() as shown:
        await find(shown)
        await shown.press("s")
        assert not finder.stopped
        await shown.press("r")
        await shown.until_shown("What the curves show so far")
        await shown.press("s")
        await shown.until(lambda: finder.stopped == [SWEEP])


@pytest.mark.slow
async def test_what_keeps_the_runs_from_starting_is_a_sentence(
    opened: Opened, finder: Finder
) -> None:
    async with opened() as shown:
        await find(shown)
        finder.refuses = DataError("The disk is full.")
        await shown.press("r")
        await shown.until(lambda: "The disk is full." in shown.notices)
        assert "Learning-rate range test" in shown.text
        assert math.isclose(curve(shown).rate, 0.05)
