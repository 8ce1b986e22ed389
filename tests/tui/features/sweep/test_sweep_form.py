"""Sweeps as a person sets them up: the form, where it is opened from, and the way back."""

import threading

import pytest
from textual.events import Key

from mnistop.engine.config import RunConfig
from mnistop.engine.errors import DataError
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.tui.features.runs.screen import RunsScreen
from mnistop.tui.features.sweep.form_screen import SweepFormScreen
from mnistop.tui.features.sweep.model import SweepModel
from mnistop.tui.features.sweep.screen import SweepScreen
from tests.helpers.dashboard import Opened, Workers
from tests.helpers.made_up import write_run
from tests.helpers.sweep_screen import go_to, open_form, open_sweep, rates
from tests.tui.features.sweep.test_sweep_screen import row


async def test_another_one_is_set_up_from_the_sweep_in_sight_and_esc_leads_back(
    opened: Opened, workers: Workers
) -> None:
    rates(workers, 0.3, 0.9, 0.1)
    async with opened(epochs="30") as shown:
        await open_sweep(shown)
        assert "S New sweep" in shown.lines[-1]
        await shown.press("S")
        assert isinstance(shown.app.screen, SweepFormScreen)
        assert "They take roughly" in shown.text
        assert "on a typical machine" not in shown.text
        await shown.press("home", "right", "right", "r")
        await shown.until_shown("more data: interrupted, 0 of 12 runs done")
        [(title, configs, _)] = workers.swept
        assert title == "more data"
        assert {config.epochs for config in configs} == {30}
        await shown.press("escape")
        assert isinstance(shown.app.screen, RunsScreen)


async def test_the_runs_of_a_sweep_are_listed_and_esc_leads_back_to_it(
    opened: Opened, workers: Workers
) -> None:
    sweep = rates(workers, 0.3, 0.9, 0.1)
    write_run(workers.folder, [], RunConfig(), "20260101-120000-other-run")
    async with opened() as shown:
        await open_sweep(shown)
        await shown.press("m")
        await shown.until_shown(f"sweep:{sweep.name}", "Runs: 3 of 4")
        await shown.press("space", "space")
        await shown.until_shown("2 runs are marked")
        await shown.press("escape")
        assert isinstance(shown.app.screen, SweepScreen)
        await shown.press("escape")
        assert isinstance(shown.app.screen, RunsScreen)


async def test_keys_wait_for_a_sweep_that_is_still_being_read(
    opened: Opened, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = rates(workers, 0.3, 0.9, 0.1)
    write_run(workers.folder, [], RunConfig(), "20260101-120000-other-run")
    look, may_look = SweepModel.look, threading.Event()

    def late(sweeping: SweepModel, wanted: Sweep | None = None) -> None:
        may_look.wait(60)
        look(sweeping, wanted)

    monkeypatch.setattr(SweepModel, "look", late)
    async with opened() as shown:
        await shown.press("6", "C")
        shown.app.post_message(Key("m", "m"))
        await shown.until(lambda: shown.app.is_answering)
        may_look.set()
        await shown.until_shown(f"sweep:{sweep.name}", "Runs: 3 of 4")


async def test_it_starts_with_a_few_learning_rates_around_the_dashboards(
    opened: Opened, workers: Workers
) -> None:
    async with opened(lr="0.3", epochs="30") as shown:
        await open_form(shown)
        assert "0.03, 0.3, 3" in shown.text
        assert "3 runs." in shown.text
        assert "on a typical machine" in shown.text
        await shown.press("r")
        await shown.until(lambda: isinstance(shown.app.screen, SweepScreen))
        [(title, configs, jobs)] = workers.swept
        assert title == "lr"
        assert [(config.lr, config.epochs) for config in configs] == [
            (0.03, 30),
            (0.3, 30),
            (3.0, 30),
        ]
        assert jobs >= 1
        await shown.until_shown("0 of 3 runs done")
        assert "waiting" in row(shown, "0.03")


async def test_values_are_typed_and_nonsense_is_said_beside_the_form(
    opened: Opened, workers: Workers
) -> None:
    async with opened() as shown:
        await open_form(shown)
        await go_to(shown, "lr")
        await shown.press("enter", *"0.1,oops")
        assert "Learning rate must be a number above 0" in shown.sentences
        assert "Correct this before starting." in shown.text
        await shown.press(*["backspace"] * 4, *"1..10:3", "enter")
        assert "4 runs." in shown.text
        await shown.press("home", "down", "right")
        assert "8 runs: 4 combinations with 2 seeds each." in shown.text
        await shown.press("r")
        await shown.until(lambda: workers.swept)
        [(_, configs, _)] = workers.swept
        assert [(config.seed, config.lr) for config in configs] == [
            (seed, lr) for seed in (0, 1) for lr in (0.1, 1.0, 3.16, 10.0)
        ]


async def test_left_and_right_step_through_the_value_a_few_and_all_usual_ones(
    opened: Opened,
) -> None:
    async with opened() as shown:
        await open_form(shown)
        await go_to(shown, "lr")
        await shown.press("backspace")
        assert "A single run: give a row several values" in shown.text
        await shown.press("up")
        for sign, words in (("manual, sgd, adam, adamw", "5 runs"), ("manual", "A single run")):
            await shown.press("right")
            assert sign in shown.text
            assert words in shown.text


async def test_presets_of_sweeps_are_stepped_through_and_changed(
    opened: Opened, workers: Workers
) -> None:
    async with opened() as shown:
        await open_form(shown)
        assert "Presets: learning rates, more data" in shown.text
        await shown.press(*["right"] * 4)
        assert "‹optimizers›" in shown.text
        assert "How do SGD by hand, SGD with moment" in shown.text
        assert "manual, sgd, adam" in shown.text
        assert "9 runs: 3 combinations with 3 seeds each." in shown.text
        await shown.press("left", "left", "left", "left")
        assert "0.01, 0.1, 1" in shown.text
        await shown.press("left", "left", "down", "left", "left", "r")
        await shown.until(lambda: workers.swept)
        [(title, configs, _)] = workers.swept
        assert title == "shifts"
        assert [(config.shift, config.seed) for config in configs] == [
            (shift, 0) for shift in (0, 1, 2, 3)
        ]


async def test_esc_leaves_without_a_sweep(opened: Opened, workers: Workers) -> None:
    async with opened() as shown:
        await open_form(shown)
        await go_to(shown, "lr")
        await shown.press("enter", *"x", "escape")
        assert isinstance(shown.app.screen, SweepFormScreen)
        await shown.press("escape")
        assert isinstance(shown.app.screen, RunsScreen)
        assert workers.swept == []


async def test_no_sweep_starts_from_other_settings_while_the_form_is_wrong(
    opened: Opened, workers: Workers
) -> None:
    async with opened() as shown:
        shown.screen._form.set_values({"epochs": "many"})
        await shown.press("6", "S")
        assert not isinstance(shown.app.screen, SweepFormScreen)
        assert any("A value in the form is wrong: press 1" in said for said in shown.notices)


async def test_why_it_cannot_start_is_said(opened: Opened, workers: Workers) -> None:
    workers.refuses = DataError("There is no file /data.arrays.")
    async with opened() as shown:
        await open_form(shown)
        await shown.press("r")
        await shown.until(lambda: "There is no file /data.arrays." in shown.notices)
        assert isinstance(shown.app.screen, RunsScreen)
