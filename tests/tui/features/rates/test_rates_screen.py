"""Learning rates as a person finds them: the curve, its marks, the form, and runs at the marks."""

import asyncio
import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace as changed

from mnistop.engine import events, worker
from mnistop.engine.analysis.learning_rate_finder import RangeTest, Trial
from mnistop.engine.config import RunConfig
from mnistop.engine.errors import DataError, MnistopError
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.rates.panes import RateCurve
from mnistop.tui.features.rates.screen import RatesScreen
from tests.helpers import made_up
from tests.helpers.dashboard import Dashboard, Opened, Workers

SIZES = [(120, 40), (80, 24), (60, 16)]
SWEEP = "20260101-120000-calm-otter"


def made_up_test() -> RangeTest:
    """The loss falls from 1e-3 on, is lowest at 0.5, and shoots up at 2."""
    rates = 10 ** np.linspace(-6, 0.5, 261)
    losses = np.where(rates < 1, 2.3 - 2 * rates / (rates + 0.1), 20.0)
    trials = (Trial(2.0, 1.7, 0.4), Trial(3.0, 2.32, 0.11))
    return RangeTest(rates, losses, 2.303, 10, 2500, 0.0002, 0.05, 3.0, trials)


@dataclass
class Finder:
    """Stands in for the process that answers at leisure, and for sweeps."""

    folder: Path
    answer: RangeTest = field(default_factory=made_up_test)
    refuses: MnistopError | None = None
    asked: list[RunConfig] = field(default_factory=list)
    launched: list[RunConfig] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    alive: ExitStack = field(default_factory=ExitStack)
    """Holds the lock of the sweep's process."""

    async def ask(self, question: Callable[..., Any], config: RunConfig, said: Path) -> RangeTest:
        assert question.__name__ == "range_test"
        self.asked.append(config)
        if self.refuses:
            raise self.refuses
        return self.answer

    def launch_sweep(self, configs: list[RunConfig], title: str) -> Sweep:
        if self.refuses:
            raise self.refuses
        self.launched = list(configs)
        sweep = Sweep(self.folder / SWEEP)
        sweep.path.mkdir(parents=True)
        (sweep.path / "lock").write_text("")
        self.alive.enter_context(made_up.training(Run(sweep.path)))
        return sweep

    def begin(self, number: int) -> tuple[str, Any]:
        """Create a member, and a function that appends its events."""
        name = f"{SWEEP}.{number:02}"
        run = made_up.write_run(self.folder, [], self.launched[number - 1], name)
        return name, lambda *said: made_up.say(run, said)


@pytest.fixture
def finder(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> Iterator[Finder]:
    fake = Finder(workers.folder)
    monkeypatch.setattr(worker, "ask_at_low_priority", fake.ask)
    monkeypatch.setattr(worker, "launch_sweep", fake.launch_sweep)
    monkeypatch.setattr(worker, "stop_sweep", lambda sweep: fake.stopped.append(sweep.name))
    with fake.alive:
        yield fake


async def find(shown: Dashboard) -> RatesScreen:
    await shown.press("f")
    await shown.until_shown("For whole runs, each of 2,500 steps")
    assert isinstance(shown.app.screen, RatesScreen)
    return shown.app.screen


def curve(shown: Dashboard) -> RateCurve:
    return shown.app.screen.query_one(RateCurve)


# The test


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("terminal", [Terminal(), Terminal(colors=0, unicode=False)])
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


async def test_the_cursor_reads_out_rate_and_loss_and_knows_the_marks(
    opened: Opened, finder: Finder
) -> None:
    async with opened() as shown:
        await find(shown)
        assert "rate 0.05, marked good, loss 1.6" in shown.text
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


async def test_where_nothing_falls_that_is_said_and_nothing_can_be_trained(
    opened: Opened, finder: Finder
) -> None:
    finder.answer = replace(made_up_test(), too_low=None, good=None, too_high=None, trials=())
    async with opened() as shown:
        await find(shown)
        assert "did not fall by a tenth at any rate" in shown.sentences
        await shown.press("r")
        assert not finder.launched


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


# Runs at the marks


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


@pytest.mark.parametrize("size", SIZES[:2])
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


async def test_the_runs_are_stopped_by_s_while_they_go_on(opened: Opened, finder: Finder) -> None:
    async with opened() as shown:
        await find(shown)
        await shown.press("s")
        assert not finder.stopped
        await shown.press("r")
        await shown.until_shown("What the curves show so far")
        await shown.press("s")
        await shown.until(lambda: finder.stopped == [SWEEP])


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
