"""The learning-rate range test on its screen: curve, marks, reasons."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from mnistop.engine import worker
from mnistop.engine.analysis.learning_rate_finder import RangeTest
from mnistop.engine.config import RunConfig
from mnistop.engine.errors import DataError
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.rates.screen import RatesScreen
from tests.helpers import made_up
from tests.helpers.dashboard import Opened
from tests.helpers.rates_screen import SIZES, Finder, curve, find, made_up_test
from tests.helpers.selection import one_in


@pytest.mark.parametrize("size", one_in(3, SIZES))
@pytest.mark.parametrize("terminal", one_in(2, [Terminal(), Terminal(colors=0, unicode=False)]))
async def test_the_curve_stands_with_its_marks_by_name_and_their_reasons(
    opened: Opened, finder: Finder, size: tuple[int, int], terminal: Terminal
) -> None:
    async with opened(size, terminal) as shown:
        await find(shown)
        assert all(len(line) == size[0] for line in shown.lines)
        assert terminal.unicode or shown.text.isascii()
        for mark in ("too low", "good", "too high"):
            assert mark in shown.text
        assert "A whole run lowers its training loss" in shown.sentences
        if size[1] >= 24:
            assert "from 2.30 to about" in shown.sentences
            assert "11% of its training images right, and a loss of 2.32" in shown.sentences
            [names] = [line for line in shown.lines if all(w in line for w in ("low", "good"))][:1]
            assert names.index("too low") < names.index("good")


@pytest.mark.slow
async def test_the_cursor_reads_out_rate_and_loss_and_knows_the_marks(
    opened: Opened, finder: Finder
) -> None:
    async with opened() as shown:
        await find(shown)
        title = re.search(
            r"rate 0.05, marked good, (loss [\d.]+) after the nearest step", shown.text
        )
        assert title
        assert re.search(rf"⠒t {title[1]}  rate 0.05", shown.text)
        await shown.press("right")
        rate = curve(shown).rate
        assert rate == min(rate for rate in finder.answer.rates if rate > 0.05)
        nearest = finder.answer.losses[finder.answer.rates == rate][0]
        assert f"loss {nearest:.3f} after that step" in shown.text
        await shown.press("p", "p")
        assert "rate 0.0002, marked too low" in shown.text
        await shown.press("p", "n", "n")
        assert "rate 3, marked too high, loss 20.000" in shown.text
        await shown.press("home", "left")
        assert curve(shown).rate >= 0.0002 / 10
        await shown.press("end", "pageup", "l", "h")
        assert curve(shown).rate < 3


@pytest.mark.slow
async def test_enter_takes_the_rate_into_the_form(opened: Opened, finder: Finder) -> None:
    async with opened() as shown:
        await find(shown)
        await shown.press("enter")
        assert shown.app.screen is shown.screen
        assert shown.screen.config == RunConfig(lr=0.05)
        assert shown.focused == "form"
        assert "The learning rate in the form is 0.05: r trains with it." in shown.notices
        await shown.press("r")
        await shown.until(lambda: shown.state.run)


@pytest.mark.slow
async def test_while_training_it_is_taken_for_the_next_run(opened: Opened, finder: Finder) -> None:
    async with opened() as shown:
        await shown.press("r")
        await shown.until(lambda: shown.state.run)
        await shown.say(*made_up.story(3))
        await find(shown)
        await shown.press("n", "enter")
        assert "The learning rate in the form is 3: for the next run." in shown.notices
        assert shown.screen.config == RunConfig()
        await shown.say(made_up.finished(3))
        assert shown.screen.config == RunConfig(lr=3.0)


@pytest.mark.slow
async def test_the_same_settings_are_tested_once_and_others_anew(
    opened: Opened, finder: Finder
) -> None:
    async with opened() as shown:
        await find(shown)
        await shown.press("enter", "f")
        await shown.press("escape")
        shown.screen._form.set_values({"optimizer": "adam"})
        await find(shown)
        assert [config.optimizer for config in finder.asked] == ["manual", "adam"]
        assert {config.lr for config in finder.asked} == {0.1}


async def test_the_form_says_at_the_learning_rate_which_key_finds_one(opened: Opened) -> None:
    async with opened() as shown:
        shown.screen._form.point_at("lr")
        await shown.settle()
        assert "Press f to find one" in " ".join(shown.text_of("form").split())


@pytest.mark.slow
async def test_waiting_says_what_will_be_here_and_what_is_done_now(
    opened: Opened, finder: Finder, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(question: object, config: RunConfig, said: Path) -> RangeTest:
        said.write_text("trying the learning rate 3")
        return await asyncio.Future()

    monkeypatch.setattr(worker, "ask_at_low_priority", never)
    async with opened((80, 24)) as shown:
        await shown.press("f")
        await shown.until_shown("three marks will appear here", "No run is made.")
        await shown.until_shown("Now: trying the learning rate 3 (")
        await shown.press("enter", "r", "n", "right", "x")
        assert isinstance(shown.app.screen, RatesScreen)
        await shown.press("escape")
        assert shown.app.screen is shown.screen


async def test_a_wrong_value_in_the_form_is_told(opened: Opened, finder: Finder) -> None:
    async with opened() as shown:
        shown.screen._form.set_values({"epochs": "many"})
        await shown.press("f")
        await shown.until_shown("A value in the form is wrong: press 1 and correct it.")
        assert not finder.asked


async def test_what_goes_wrong_is_a_sentence_and_is_tried_again(
    opened: Opened, finder: Finder
) -> None:
    finder.refuses = DataError("There is no data source pixels.")
    async with opened() as shown:
        await shown.press("f")
        await shown.until_shown("There is no data source pixels.")
        finder.refuses = None
        await shown.press("escape")
        await find(shown)


@pytest.mark.slow
async def test_where_nothing_falls_that_is_said_and_nothing_can_be_trained(
    opened: Opened, finder: Finder
) -> None:
    finder.answer = replace(made_up_test(), too_low=None, good=None, too_high=None, trials=())
    async with opened() as shown:
        await find(shown)
        assert "did not fall by a tenth at any rate" in shown.sentences
        await shown.press("r")
        assert not finder.launched


@pytest.mark.slow
async def test_the_screen_says_which_settings_its_test_is_of(
    opened: Opened, finder: Finder
) -> None:
    async with opened() as shown:
        await find(shown)
        assert "each of 2,500 steps, with the notebook's settings" in shown.text
        await shown.press("escape")
        shown.screen._form.set_values({"hidden": "none", "optimizer": "adam", "lr": "7"})
        await find(shown)
        assert "each of 2,500 steps, with hidden layers none, optimizer adam" in shown.text
        await shown.press("escape")
        shown.screen._form.set_values({"hidden": "64", "epochs": "50", "shift": "1"})
        await find(shown)
        assert "with epochs 50, hidden layers 64, optimizer adam and 1 more change" in shown.text


@pytest.mark.slow
async def test_over_a_recorded_run_it_says_that_the_form_s_model_is_tested(
    opened: Opened, finder: Finder, tmp_path: Path
) -> None:
    started = msgspec.structs.replace(made_up.started(), training_images=None)
    run = made_up.write_run(tmp_path / "recorded", [started])
    async with opened(run=run) as shown:
        await shown.say(started, run=run)
        await find(shown)
        assert "The form's model is tested here, not that of" in shown.sentences
