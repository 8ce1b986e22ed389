"""Values and presets in the hyperparameters form."""

import asyncio
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from textual import events

from mnistop.engine.config import HYPERPARAMETERS, NAMES, PRESETS, RunConfig
from mnistop.engine.errors import ConfigError
from mnistop.engine.hyperparameters import as_text
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.train.hyperparameters import ConfigValues, Hyperparameters
from mnistop.tui.toolkit.bindings import declared
from mnistop.tui.toolkit.inputs import ValueInput
from tests.helpers.form import FormApp, go_to, press, type_value
from tests.helpers.textual_hooks import settle


@pytest.mark.parametrize("name", NAMES)
async def test_every_hyperparameter_can_be_set_by_keyboard(name: str) -> None:
    app = FormApp()
    other = next(
        value for value in HYPERPARAMETERS[name].usual if value != HYPERPARAMETERS[name].default
    )
    async with app.run_test(size=(34, 30)) as pilot:
        go_to(pilot, name)
        if HYPERPARAMETERS[name].choices:
            steps = HYPERPARAMETERS[name].choices.index(other) - HYPERPARAMETERS[
                name
            ].choices.index(HYPERPARAMETERS[name].default)
            await press(pilot, *["enter"] * (steps % len(HYPERPARAMETERS[name].choices)))
        else:
            await press(pilot, "enter", *as_text(other), "enter")
        assert app.form.config == RunConfig(**{name: other})
        assert app.configs[-1] == app.form.config
        assert as_text(other) in app.row(name)
        assert app.row(name)[1] == ("-" if name == "momentum" else "*")


async def test_a_wrong_learning_rate_is_explained_while_typed_and_cannot_be_kept() -> None:
    app = FormApp()
    async with app.run_test(size=(34, 30)) as pilot:
        await type_value(pilot, "lr", "abc")
        sentence = "! Learning rate must be a number above 0 and at most 1,000, not 'abc'."
        assert sentence in app.text
        assert any("!learning rate" in line and "abc" in line for line in app.lines)
        assert app.form.config is None
        assert app.configs == [None]
        for key in ("enter", "down", "up", "pagedown"):
            await press(pilot, key)
            assert app.form.editing
            assert app.form.selected == "lr"
        assert sentence in app.text
        await press(pilot, *["backspace"] * 3, *"0.5", "enter")
        assert not app.form.editing
        assert app.form.config == RunConfig(lr=0.5)
        assert "!" not in app.text


@pytest.mark.parametrize(
    ("key", "selected"), [("enter", "lr"), ("up", "optimizer"), ("down", "momentum")]
)
async def test_a_valid_value_is_kept_and_written_as_the_program_does(
    key: str, selected: str
) -> None:
    app = FormApp()
    async with app.run_test(size=(34, 30)) as pilot:
        await type_value(pilot, "lr", "1e-3 ")
        await press(pilot, key)
        assert app.form.selected == selected
        assert app.form.config == RunConfig(lr=0.001)
        assert any("learning rate" in line and "0.001" in line for line in app.lines)
        assert app.focused is app.form


@pytest.mark.parametrize("typed", ["7", "abc"])
async def test_escape_leaves_the_old_value_and_only_then_goes_to_the_app(typed: str) -> None:
    app = FormApp({"lr": "0.05"})
    async with app.run_test(size=(34, 30)) as pilot:
        await type_value(pilot, "lr", typed)
        await press(pilot, "backspace", "escape")
        assert not app.form.editing
        assert app.form.config == RunConfig(lr=0.05)
        assert app.notes == []
        await press(pilot, "escape")
        assert app.notes == ["back"]


async def test_keys_of_the_app_work_on_the_form_and_are_typed_into_a_value() -> None:
    app = FormApp()
    async with app.run_test(size=(34, 30)) as pilot:
        await press(pilot, "r", "2", "space")
        assert app.notes == ["train", "screen 2", "pause"]
        await type_value(pilot, "source", "r2 hjkl")
        assert app.notes == ["train", "screen 2", "pause"]
        await press(pilot, "enter", "r")
        assert app.form.config == RunConfig(source="r2 hjkl")
        assert app.notes[-1] == "train"


async def test_keys_typed_ahead_of_a_slow_line_are_all_taken_in_order() -> None:
    app = FormApp()
    async with app.run_test(size=(34, 30)) as pilot:
        go_to(pilot, "lr")
        burst = ["enter", *"0.25", "backspace", "left", "3", "enter", "r", "down", "down"]
        burst += ["enter", *"2r", "up", "escape", "l", "j", "enter", *"0.5", "down", "r"]
        await press(pilot, *burst)
        assert not app.form.editing
        assert app.notes == ["train", "train"]
        assert app.form.config == RunConfig(lr=0.32, weight_decay=0.00001, dropout=0.5)


async def test_left_and_right_step_through_the_usual_values() -> None:
    app = FormApp({"lr": "0.05", "samples": "4000", "hidden": "100"})
    async with app.run_test(size=(34, 30)) as pilot:
        seen = []
        go_to(pilot, "lr")
        for key in ("right", "l", "left", "h", "h"):
            await press(pilot, key)
            seen.append(app.value("lr"))
        assert seen == [0.1, 0.3, 0.1, 0.03, 0.01]
        await press(pilot, *["right"] * 20)
        assert app.value("lr") == 10
        go_to(pilot, "samples")
        await press(pilot, "right", "right", "right")
        assert app.value("samples") is None
        await press(pilot, "left")
        assert app.value("samples") == 4000
        go_to(pilot, "hidden")
        await press(pilot, "right")
        assert app.value("hidden") == (128,)


async def test_choices_go_round_in_both_directions() -> None:
    app = FormApp()
    async with app.run_test(size=(34, 30)) as pilot:
        go_to(pilot, "schedule")
        seen = []
        for key in ("enter", "right", "right", "left"):
            await press(pilot, key)
            seen.append(app.value("schedule"))
        assert seen == ["cosine", "step", "constant", "step"]
        assert not app.form.editing


@pytest.mark.parametrize("key", ["backspace", "delete"])
async def test_a_value_goes_back_to_the_notebook(key: str) -> None:
    app = FormApp({"lr": "0.05", "epochs": "7"})
    async with app.run_test(size=(34, 30)) as pilot:
        go_to(pilot, "lr")
        await press(pilot, key)
        assert app.form.config == RunConfig(epochs=7)
        await press(pilot, "home", key)
        assert app.form.config == RunConfig()


async def test_a_wrong_value_from_outside_is_shown_and_stepping_mends_it() -> None:
    app = FormApp({"lr": "high"})
    async with app.run_test(size=(34, 30)) as pilot:
        assert app.form.config is None
        assert "lr" in app.form.values.problems
        assert any("!learning rate" in line and "high" in line for line in app.lines)
        go_to(pilot, "lr")
        assert "not 'high'" in app.text
        await press(pilot, "right")
        assert app.form.config == RunConfig()


async def test_each_preset_is_reached_named_and_replaces_all_else() -> None:
    app = FormApp({"seed": "3"})
    async with app.run_test(size=(34, 30)) as pilot:
        assert "custom" in app.lines[0]
        for name, changes in PRESETS.items():
            await press(pilot, "right")
            assert app.form.config == RunConfig(**changes)
            assert name in app.lines[0]


async def test_values_made_by_hand_are_custom_and_survive_a_look_at_the_presets() -> None:
    app = FormApp()
    async with app.run_test(size=(34, 30)) as pilot:
        assert "notebook" in app.lines[0]
        await type_value(pilot, "lr", "0.2")
        await press(pilot, "enter", "home")
        assert "custom" in app.lines[0]
        assert "with learning rate 0.2" in app.text
        await press(pilot, "right", "right")
        assert app.form.config == RunConfig(lr=3.0)
        assert "too high" in app.lines[0]
        await press(pilot, "left", "left")
        assert app.form.config == RunConfig(lr=0.2)
        assert "custom" in app.lines[0]


def test_every_binding_can_be_explained_and_remapped() -> None:
    for widget in (Hyperparameters, ValueInput):
        own = declared(widget)
        assert own
        for binding in own:
            assert binding.id
            assert binding.id.startswith("form.")
            assert binding.tooltip
            assert not re.search(r"\b(alt|ctrl)\+", binding.key)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(NAMES), st.text() | st.integers().map(str) | st.floats().map(str))
def test_any_text_makes_a_configuration_or_a_sentence(name: str, text: str) -> None:
    values = ConfigValues({name: text})
    assert (values.config is None) == (name in values.problems)
    if values.config is None:
        assert HYPERPARAMETERS[name].label.capitalize() in values.problems[name]
    before = values.config
    values.tidy(name)
    assert values.config == before
    assert values.about(name)
    assert values.about("preset")
    values.step(name, 1)
    values.step("preset", -1)
    assert values.config is not None


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(NAMES), st.text(min_size=1)), max_size=3))
def test_any_text_can_be_typed_into_any_value(entries: list[tuple[str, str]]) -> None:
    async def enter() -> None:
        app = FormApp()
        async with app.run_test(size=(34, 14)) as pilot:
            for name, text in entries:
                if HYPERPARAMETERS[name].choices:
                    continue
                await type_value(pilot, name, "")
                app.post_message(events.Paste(text))
                await settle(app)
                await press(pilot, "enter")
                assert app.form.editing == (app.form.config is None)
                if app.form.editing:
                    assert "!" in app.text
                    await press(pilot, "escape")
                assert app.form.config is not None

    asyncio.run(enter())


def test_a_name_that_is_no_hyperparameter_is_refused() -> None:
    with pytest.raises(ConfigError, match="no hyperparameter"):
        Hyperparameters({"learning": "3"}, Terminal())


@pytest.mark.parametrize(
    ("name", "text", "by", "then"),
    [
        ("threads", "auto", 1, "1"),
        ("threads", "1", -1, "auto"),
        ("threads", "3", 1, "4"),
        ("threads", "3", -1, "2"),
        ("pixel_range", "0 1", -1, "auto"),
        ("pixel_range", "0 2", -1, "0 1"),
        ("resize", "8 8", -1, "off"),
        ("resize", "20 20", 1, "28 28"),
    ],
)
def test_auto_is_a_step_before_the_least_number(name: str, text: str, by: int, then: str) -> None:
    values = ConfigValues({name: text})
    values.step(name, by)
    assert values.texts[name] == then
