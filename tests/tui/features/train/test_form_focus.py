"""The form while a run goes on, as the focus comes and goes, and under the mouse."""

import pytest
from textual import events

from mnistop.engine.config import NAMES, RunConfig
from tests.helpers.form import FormApp, go_to, press, type_value
from tests.helpers.textual_hooks import settle, turn_wheel


async def test_a_run_locks_the_form_and_its_end_gives_the_own_values_back() -> None:
    app = FormApp({"lr": "0.05"})
    async with app.run_test(size=(34, 30)) as pilot:
        go_to(pilot, "lr")
        app.form.show_run(RunConfig(lr=3.0, epochs=5))
        await settle(app)
        assert app.form.locked
        assert "locked" in app.text
        for key in ("enter", "right", "left", "backspace"):
            await press(pilot, "up", "down", key)
            assert "The run's values: locked until it ends." in app.text
            assert app.form.config == RunConfig(lr=3.0, epochs=5)
        await press(pilot, "down")
        assert "How much of the last update" in app.text
        app.form.set_values({"seed": "8"})
        await settle(app)
        assert app.form.config == RunConfig(lr=3.0, epochs=5)
        app.form.unlock()
        await settle(app)
        assert "locked" not in app.text
        assert app.form.config == RunConfig(lr=0.05, seed=8)


async def test_a_run_that_starts_while_typing_loses_nothing() -> None:
    app = FormApp()
    async with app.run_test(size=(34, 30)) as pilot:
        await type_value(pilot, "source", "/half/a/pa")
        app.form.show_run(RunConfig())
        await press(pilot, "enter")
        assert not app.form.editing
        app.form.unlock()
        await settle(app)
        assert app.form.config == RunConfig(source="/half/a/pa")


@pytest.mark.parametrize(("typed", "lr"), [("0.5", 0.5), ("abc", None)])
async def test_what_was_typed_stays_when_the_focus_goes_elsewhere(
    typed: str, lr: float | None
) -> None:
    app = FormApp()
    async with app.run_test(size=(34, 30)) as pilot:
        await type_value(pilot, "lr", typed)
        await press(pilot, "tab")
        await settle(app)
        assert app.focused is app.query_one("#elsewhere")
        assert not app.form.editing
        assert app.form.config == (RunConfig(lr=lr) if lr else None)
        assert any("learning rate" in line and typed in line for line in app.lines)


async def test_a_terminal_that_loses_the_focus_does_not_end_the_editing() -> None:
    app = FormApp()
    async with app.run_test(size=(34, 30)) as pilot:
        await type_value(pilot, "lr", "0.")
        app.post_message(events.AppBlur())
        await settle(app)
        app.post_message(events.AppFocus())
        await settle(app)
        await press(pilot, "5", "enter")
        assert app.form.config == RunConfig(lr=0.5)


async def test_a_run_that_starts_while_the_terminal_is_away_leaves_the_keys_working() -> None:
    app = FormApp()
    async with app.run_test(size=(34, 30)) as pilot:
        await type_value(pilot, "lr", "0.5")
        app.post_message(events.AppBlur())
        await settle(pilot.app)
        app.form.show_run(RunConfig())
        app.form.unlock()
        app.post_message(events.AppFocus())
        await settle(pilot.app)
        assert app.focused is app.form
        await press(pilot, "right", "r")
        assert app.form.config == RunConfig(lr=1.0)
        assert app.notes == ["train"]


async def test_a_click_selects_a_row_and_the_next_one_edits_it() -> None:
    app = FormApp()
    async with app.run_test(size=(34, len(NAMES) + 9)) as pilot:
        await pilot.click(app.form, offset=(5, NAMES.index("lr") + 1))
        assert app.form.selected == "lr"
        assert not app.form.editing
        await pilot.click(app.form, offset=(5, NAMES.index("lr") + 1))
        assert app.form.editing
        await press(pilot, *"0.5")
        await pilot.click(app.form, offset=(5, NAMES.index("device") + 1))
        assert app.form.config == RunConfig(lr=0.5)
        assert app.form.selected == "device"
        await pilot.click(app.form, offset=(5, NAMES.index("device") + 1))
        assert app.form.config == RunConfig(lr=0.5, device="cpu")
        await pilot.click(app.form, offset=(5, len(NAMES) + 3))
        assert app.form.config == RunConfig(lr=0.5, device="cpu")


async def test_the_wheel_scrolls_and_the_next_key_brings_the_cursor_back() -> None:
    app = FormApp()
    async with app.run_test(size=(34, 14)) as pilot:
        await turn_wheel(pilot, app.form, events.MouseScrollDown)
        await settle(app)
        assert "preset" not in app.lines[0]
        await turn_wheel(pilot, app.form, events.MouseScrollUp)
        await settle(app)
        assert "preset" in app.lines[0]
        await turn_wheel(pilot, app.form, events.MouseScrollDown, 3)
        await press(pilot, "down")
        assert any(line.startswith("› source") for line in app.lines)
