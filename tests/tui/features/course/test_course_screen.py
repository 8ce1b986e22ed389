"""The course screen: its steps, and the screens that they are about, without any process."""

from pathlib import Path
from typing import Any

import pytest

from mnistop.engine import worker
from mnistop.engine.lessons.course import Course
from mnistop.engine.lessons.parser import bundled_course
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import clean
from mnistop.tui.features.course.screen import CourseScreen
from mnistop.tui.toolkit.bars import PANES, SCREENS
from mnistop.tui.toolkit.pane_host import PaneHost
from tests.helpers.course_screen import box, open_course, type_in, write_notebooks_run
from tests.helpers.dashboard import Opened, Workers

BUNDLED = bundled_course(PANES)


@pytest.mark.slow
async def test_the_bundled_course_opens_by_its_key(opened: Opened) -> None:
    async with opened() as shown:
        await shown.press("7")
        await shown.until_shown(BUNDLED.title, "1 of 26: The data", "0 of 26 done")
        assert "How many images do we work with altogether?" in shown.sentences


async def test_the_screen_of_a_step_has_its_question_and_takes_its_answer(opened: Opened) -> None:
    async with opened() as shown:
        await open_course(shown)
        await shown.press("o")
        await shown.until_shown("? How many pixels?", "A answer 7 course")
        assert shown.app.screen.name == "data" or "▸5" in shown.lines[0]
        assert shown.screen.config
        assert shown.screen.config.lr == 0.5
        await shown.press("6")
        assert "? How many pixels?" in shown.sentences, "it stays on every screen"
        await shown.press("A")
        await type_in(shown, "28")
        await shown.press("enter")
        await shown.until_shown("That is one side.")
        await type_in(shown, "784")
        await shown.press("enter")
        await shown.until_shown("✓ Right.", "7 go on")
        await shown.press("7")
        await shown.until_shown("28 × 28 = 784.")
        await shown.press("6")
        assert "How many pixels?" not in shown.sentences


@pytest.mark.slow
async def test_esc_leads_back_from_the_screen_of_a_step(opened: Opened) -> None:
    async with opened() as shown:
        await open_course(shown)
        await shown.press("o")
        await shown.until_shown("? How many pixels?")
        await shown.press("escape")
        assert isinstance(shown.app.screen, CourseScreen)


@pytest.mark.slow
async def test_without_a_question_its_key_says_where_there_are_some(opened: Opened) -> None:
    async with opened() as shown:
        await shown.press("A")
        assert "No question is open" in shown.notices[0]


async def test_a_step_opens_its_run_epoch_and_pane(opened: Opened, workers: Workers) -> None:
    async with opened((80, 24)) as shown:
        await open_course(shown)
        await shown.press("n", "o")
        await shown.until_shown("train it first")
        write_notebooks_run(workers)
        await shown.press("o")
        await shown.until(lambda: shown.state.run is not None)
        assert shown.state.cursor == -1
        await shown.until(lambda: shown.focused == "log")


async def test_h_asks_for_a_name_and_writes_the_page(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def page(question: object, course: Course, answers: Any) -> str:
        return f"<html>{course.title}, {answers.name}</html>"

    monkeypatch.setattr(worker, "ask", page)
    async with opened() as shown:
        await open_course(shown)
        await shown.press("H")
        await type_in(shown, "Ada")
        await shown.press("enter")
        path = Path.cwd() / "mnistop-course-two.html"
        await shown.until(path.exists)
        assert path.read_text() == "<html>Two questions, Ada</html>"
        await shown.until(lambda: any(str(path) in notice for notice in shown.notices))


@pytest.mark.slow
@pytest.mark.parametrize("size", [(120, 40), (80, 24), (60, 16)])
@pytest.mark.parametrize("terminal", [Terminal(), Terminal(colors=0, unicode=False)])
async def test_each_step_is_drawn_at_every_size(
    opened: Opened, size: tuple[int, int], terminal: Terminal
) -> None:
    async with opened(size, terminal) as shown:
        await shown.press("7")
        for number, step in enumerate(BUNDLED.steps, 1):
            if size[1] > 16:
                start = clean(" ".join(step.question_line.split()[:2]), terminal)
                assert start in shown.sentences, f"the question is out of sight\n{shown.text}"
            assert f"{number} of 26" in shown.sentences
            if not terminal.unicode:
                assert shown.text.isascii()
            await shown.press("n")


@pytest.mark.slow
async def test_every_screen_of_the_course_exists_with_its_panes(opened: Opened) -> None:
    assert PANES.keys() == SCREENS.keys() - {"course"}
    async with opened() as shown:
        for name, panes in PANES.items():
            if not SCREENS[name].key:
                continue
            await shown.press("1", SCREENS[name].key)
            found = {
                pane.name
                for host in shown.app.screen.query("PaneHost")
                if isinstance(host, PaneHost)
                for pane in host.panes
            }
            if name != "weights":
                assert found == set(panes), name


async def test_the_list_alone_fills_a_small_terminal_while_it_has_the_keys(
    opened: Opened,
) -> None:
    async with opened((80, 24)) as shown:
        await open_course(shown)
        assert "Two questions" not in shown.text
        await shown.press("shift+tab")
        await shown.until_shown("Two questions", "2 Why")
        await shown.press("down", "enter")
        await shown.until_shown("Why is that so?")
        assert box(shown).has_focus


async def test_a_teachers_course_replaces_the_bundled_one(opened: Opened) -> None:
    async with opened() as shown:
        await shown.press("7")
        await shown.until_shown("1 of 26")
        await open_course(shown)
        await shown.until_shown("1 of 2: Pixels")
