"""The form on the screen: explanations, sizes, colours, ASCII."""

import pytest
from textual import events
from textual.geometry import Region

from mnistop.engine.config import HYPERPARAMETERS, NAMES, RunConfig
from tests.helpers.form import FormApp, go_to, press, type_value
from tests.helpers.selection import one_in
from tests.helpers.textual_hooks import settle


@pytest.mark.parametrize("size", one_in(3, [(34, 30), (80, 24), (34, 14)]))
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
