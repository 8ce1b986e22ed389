"""The hyperparameters form, as a person uses it."""

import asyncio
import os
import re
from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.geometry import Region
from textual.pilot import Pilot
from textual.widgets import Input

from mnistop.engine.config import HYPERPARAMETERS, NAMES, PRESETS, RunConfig
from mnistop.engine.errors import ConfigError
from mnistop.engine.hyperparameters import as_text
from mnistop.tui.draw.capabilities import TRUE_COLOR, Terminal
from mnistop.tui.features.train.hyperparameters import ConfigValues, Hyperparameters
from mnistop.tui.toolkit.bindings import declared
from mnistop.tui.toolkit.inputs import ValueInput
from tests.helpers.textual_hooks import settle, strips, turn_wheel


class FormApp(App[None]):
    """An app around the form, with a few of the program's keys."""

    ENABLE_COMMAND_PALETTE = False
    BINDINGS = [  # noqa: RUF012
        Binding("r", "note('train')"),
        Binding("2", "note('screen 2')"),
        Binding("space", "note('pause')"),
        Binding("escape", "note('back')"),
    ]

    def __init__(
        self,
        values: RunConfig | Mapping[str, str] | None = None,
        ascii: bool = False,
        **kwargs: bool,
    ) -> None:
        super().__init__(**kwargs)
        terminal = Terminal(colors=0 if "NO_COLOR" in os.environ else TRUE_COLOR, unicode=not ascii)
        self.form = Hyperparameters({} if values is None else values, terminal)
        self.notes: list[str] = []
        self.configs: list[RunConfig | None] = []

    def compose(self) -> ComposeResult:
        yield self.form
        yield Input(id="elsewhere", compact=True)

    def on_mount(self) -> None:
        self.query_one("#elsewhere").styles.dock = "bottom"
        self.screen.set_focus(self.form)

    def action_note(self, what: str) -> None:
        self.notes.append(what)

    def on_hyperparameters_changed(self, event: Hyperparameters.Changed) -> None:
        self.configs.append(event.config)

    @property
    def lines(self) -> list[str]:
        """The lines on the screen."""
        return [strip.text for strip in strips(self.screen)]

    def row(self, name: str) -> str:
        """The row of a hyperparameter."""
        return next(
            line for line in self.lines if line[2:].startswith(f"{HYPERPARAMETERS[name].label} ")
        )

    def value(self, name: str) -> object:
        return getattr(self.form.config, name)

    @property
    def text(self) -> str:
        """The screen with its line breaks taken out."""
        return " ".join(" ".join(self.lines).split())


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press keys as a slow line delivers them: all at once."""
    for key in keys:
        char = " " if key == "space" else key if len(key) == 1 else None
        pilot.app.post_message(events.Key(key, char))
    await settle(pilot.app)


def go_to(pilot: Pilot[None], name: str) -> None:
    """Select a row at once; that keys get there is tested on its own."""
    pilot.app.query_one(Hyperparameters).select(NAMES.index(name) + 1)


async def type_value(pilot: Pilot[None], name: str, text: str) -> None:
    go_to(pilot, name)
    await press(pilot, "enter", *text)


# Setting values


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


# Presets


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


# Explanations


@pytest.mark.parametrize("size", [(34, 30), (80, 24), (34, 14)])
async def test_every_row_comes_into_view_and_is_explained(size: tuple[int, int]) -> None:
    app = FormApp()
    async with app.run_test(size=size) as pilot:
        for name in NAMES:
            await press(pilot, "down")
            row = next(line for line in app.lines if line.startswith("›"))
            assert HYPERPARAMETERS[name].label in row
            assert "‹" in row
            words = HYPERPARAMETERS[name].explanation
            beside = " ".join(" ".join(line.partition("│")[2] for line in app.lines).split())
            assert words[:25] in (beside or app.text)
        await press(pilot, "down")
        assert app.form.selected == NAMES[-1]
        await press(pilot, "pageup", "home", "k")
        assert app.form.selected == "preset"
        await press(pilot, "pagedown", "end")
        assert app.form.selected == NAMES[-1]


async def test_a_hyperparameter_without_effect_says_so() -> None:
    app = FormApp()
    async with app.run_test(size=(34, 30)) as pilot:
        go_to(pilot, "momentum")
        assert any("-momentum" in line for line in app.lines)
        assert "No effect" in app.text
        await press(pilot, "up", "up", "right")
        assert not any("-momentum" in line for line in app.lines)


async def test_what_the_engine_found_is_shown_at_its_row_until_the_value_changes() -> None:
    app = FormApp({"source": "/data/mnist"})
    async with app.run_test(size=(34, 30)) as pilot:
        await press(pilot, "end")
        app.form.show_problem("source", "There is no folder [/data/mnist].")
        await settle(app)
        assert app.form.selected == "source"
        assert "! There is no folder [/data/mnist]." in app.text
        assert any("!source" in line for line in app.lines)
        assert app.form.config == RunConfig(source="/data/mnist")
        await press(pilot, "end", "home", "down", "enter", "end", "2", "enter")
        assert "!" not in app.text
        assert app.form.config == RunConfig(source="/data/mnist2")


# During a run


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


# Focus and mouse


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
    async with app.run_test(size=(34, 31)) as pilot:
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
        await pilot.click(app.form, offset=(5, 25))
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


async def test_the_editor_stays_on_its_row_when_the_terminal_changes_size() -> None:
    app = FormApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await type_value(pilot, "device", "")
        await type_value(pilot, "threads", "16")
        for size in ((34, 14), (60, 40), (34, 5), (20, 3), (1, 1), (80, 24)):
            await pilot.resize_terminal(*size)
            await settle(pilot.app)
            if size[1] > 3:
                assert any("threads" in line and "16" in line for line in app.lines)
        await press(pilot, "enter")
        assert app.value("threads") == 16


# Drawing


async def test_in_ascii_mode_nothing_else_is_drawn() -> None:
    app = FormApp({"source": "/dätä/文"}, ascii=True)
    async with app.run_test(size=(34, 14)) as pilot:
        app.query_one("#elsewhere").display = False
        for width, height in ((34, 14), (80, 22)):
            await pilot.resize_terminal(width, height)
            for name in ("preset", *NAMES):
                app.form.select(("preset", *NAMES).index(name))
                drawn = app.form.render_lines(Region(0, 0, width, height))
                assert all(strip.text.isascii() for strip in drawn), drawn
            app.form.select(1)
            await press(pilot, "enter", "end", "é")
            assert app.form.editing
            assert all(line.isascii() for line in app.lines), app.lines
            await press(pilot, "escape")
        assert app.form.config == RunConfig(source="/dätä/文")


async def test_control_characters_of_a_paste_do_not_reach_the_terminal() -> None:
    app = FormApp()
    async with app.run_test(size=(34, 30)) as pilot:
        await type_value(pilot, "source", "")
        app.post_message(events.Paste("a\x1b[31mb\x07\tc"))
        await settle(app)
        assert all(line.isprintable() for line in app.lines)
        await press(pilot, "enter")
        assert all(line.isprintable() for line in app.lines)


async def test_moving_the_cursor_refreshes_only_what_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = FormApp()
    async with app.run_test(size=(80, 24)) as pilot:
        go_to(pilot, "momentum")
        refreshed: list[Region] = []
        monkeypatch.setattr(app.form, "refresh", lambda *regions: refreshed.extend(regions))
        app.form.action_move(1)
        assert 2 <= len(refreshed) <= 10
        assert all(region.height == 1 for region in refreshed)


async def test_the_focus_refreshes_only_the_selected_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = FormApp()
    async with app.run_test(size=(34, 30)) as pilot:
        refreshed: list[tuple[Region, ...]] = []
        monkeypatch.setattr(app.form, "refresh", lambda *regions: refreshed.append(regions))
        await press(pilot, "tab")
        assert refreshed == [(Region(0, app.form.cursor, 34, 1),)]
        await press(pilot, "tab")
        assert app.screen.focused is app.form
        assert refreshed[1:] == refreshed[:1]


async def test_without_colours_the_cursor_row_is_reversed_and_changes_are_bold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = FormApp({"lr": "0.05"}, ansi_color=True)
    async with app.run_test(size=(34, 30)) as pilot:
        rows = app.form.render_lines(Region(0, 0, 34, 30))
        assert all(segment.style and segment.style.reverse for segment in rows[0])
        assert not any(segment.style and segment.style.reverse for segment in rows[1])
        changed = rows[NAMES.index("lr") + 1]
        assert any(
            segment.style and segment.style.bold for segment in changed if "0.05" in segment.text
        )
        await press(pilot, "tab")
        rows = app.form.render_lines(Region(0, 0, 34, 30))
        assert not any(segment.style and segment.style.reverse for segment in rows[0])
        assert rows[0].text.startswith("›")


def test_every_binding_can_be_explained_and_remapped() -> None:
    for widget in (Hyperparameters, ValueInput):
        own = declared(widget)
        assert own
        for binding in own:
            assert binding.id
            assert binding.id.startswith("form.")
            assert binding.tooltip
            assert not re.search(r"\b(alt|ctrl)\+", binding.key)


# Any text at all


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
    ],
)
def test_auto_is_a_step_before_the_least_number(name: str, text: str, by: int, then: str) -> None:
    values = ConfigValues({name: text})
    values.step(name, by)
    assert values.texts[name] == then
