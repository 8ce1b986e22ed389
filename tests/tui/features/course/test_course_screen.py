"""The course as a student sees it: steps, answers and what comes of them, without any process."""

from pathlib import Path
from typing import Any

import pytest

from mnistop.engine import worker
from mnistop.engine.config import RunConfig
from mnistop.engine.errors import MnistopError
from mnistop.engine.lessons.answers import AnswerBook
from mnistop.engine.lessons.checks import Verdict
from mnistop.engine.lessons.course import Course
from mnistop.engine.lessons.parser import bundled_course, parse
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import clean
from mnistop.tui.features.course.answer import AnswerBox
from mnistop.tui.features.course.screen import CourseScreen
from mnistop.tui.session.run_screen import ScreenWanted
from mnistop.tui.toolkit.bars import PANES, SCREENS
from mnistop.tui.toolkit.pane_host import PaneHost
from tests.helpers import made_up
from tests.helpers.dashboard import Dashboard, Opened, Workers

BUNDLED = bundled_course(PANES)

TEXT = """\
# Two questions
id: two

## Pixels
id: pixels
screen: data
form: lr=0.5
check: number
answer: 784

Think of `28 × 28`.

### Question
How many pixels?

### Hints
- 28: That is one side.

### Answer
28 × 28 = 784.

## Why
id: why
screen: train
run: notebook
epoch: start
pane: log

### Question
Why is that so?

### Answer
Because of the model answer.
"""


def course() -> Course:
    return parse(TEXT, "two.md", PANES)


async def open_course(shown: Dashboard, about: Course | None = None) -> None:
    shown.app.post_message(ScreenWanted("course", about or course()))
    await shown.settle()


async def type_in(shown: Dashboard, text: str) -> None:
    for char in text:
        await shown.burst({" ": "space", "\n": "enter"}.get(char, char))


def box(shown: Dashboard) -> AnswerBox:
    return shown.app.screen.query_one(AnswerBox)


def kept(id: str = "two") -> Any:
    return AnswerBook(id).read()


@pytest.mark.slow
async def test_the_bundled_course_opens_by_its_key(opened: Opened) -> None:
    async with opened() as shown:
        await shown.press("7")
        await shown.until_shown(BUNDLED.title, "1 of 26: The data", "0 of 26 done")
        assert "How many images do we work with altogether?" in shown.sentences


async def test_a_wrong_answer_helps_and_a_right_one_shows_the_model_answer(opened: Opened) -> None:
    async with opened() as shown:
        await open_course(shown)
        assert "Model answer" not in shown.text
        await shown.press("enter")
        await type_in(shown, "28")
        await shown.press("enter")
        await shown.until_shown("✗ That is one side.")
        assert "28 × 28 = 784" not in shown.sentences
        await type_in(shown, "784")  # what was typed is selected
        await shown.press("enter")
        await shown.until_shown("✓ Right.", "Model answer", "28 × 28 = 784.", "1 of 2 done")
        assert [attempt.text for attempt in kept().of("pixels").attempts] == ["28", "784"]


@pytest.mark.slow
async def test_the_model_answer_is_there_only_after_one_of_ones_own(opened: Opened) -> None:
    async with opened() as shown:
        await open_course(shown)
        await shown.press("m")
        await shown.until_shown("Answer the question first")
        await shown.press("enter")
        await type_in(shown, "5")
        await shown.press("enter")
        await shown.until_shown("too small")
        await shown.press("escape", "m")
        await shown.until_shown("28 × 28 = 784.")
        assert kept().of("pixels").revealed


@pytest.mark.slow
async def test_own_words_have_several_lines_and_are_kept_beside_the_model_answer(
    opened: Opened,
) -> None:
    async with opened() as shown:
        await open_course(shown)
        await shown.press("n", "enter")
        await type_in(shown, "It is so\nbecause I say")
        await shown.press("ctrl+s")
        await shown.until_shown("Because of the model answer.", "1 of 2 done")
        assert kept().of("why").attempts[0].text == "It is so\nbecause I say"
        assert kept().of("why").state == "answered"


@pytest.mark.slow
async def test_what_is_typed_is_kept_at_once_and_comes_back(opened: Opened) -> None:
    async with opened() as shown:
        await open_course(shown)
        await shown.press("enter")
        await type_in(shown, "70")
        await shown.until(lambda: kept().of("pixels").draft == "70")
        await shown.press("escape", "n", "p")
        assert box(shown).text == "70"
        assert "…" in shown.text
    async with opened() as shown:
        await open_course(shown)
        assert box(shown).text == "70"
        assert not kept().of("pixels").attempts


async def test_letters_and_digits_are_typed_and_open_no_screen(opened: Opened) -> None:
    async with opened() as shown:
        await open_course(shown)
        await shown.press("enter")
        await type_in(shown, "1q7?A/omn")
        assert box(shown).text == "1q7?A/omn"
        assert isinstance(shown.app.screen, CourseScreen)


@pytest.mark.slow
async def test_a_full_disk_is_told_and_the_answer_is_saved_once_there_is_room(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*details: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mnistop.tui.features.course.screen._RETRY_SECONDS", 0.01)
    async with opened() as shown:
        await open_course(shown)
        await shown.press("enter")
        with monkeypatch.context() as patch:
            patch.setattr("mnistop.engine.lessons.answers.write_atomically", no_space)
            await type_in(shown, "784")
            await shown.until_shown("not saved", "No space left on device")
            assert box(shown).text == "784"
        await shown.until(lambda: kept().of("pixels").draft == "784")
        await shown.until(lambda: "not saved" not in shown.sentences)


@pytest.mark.slow
async def test_the_answers_of_another_instance_come_in(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnistop.tui.features.course.screen._LOOK_SECONDS", 0.01)
    async with opened() as shown:
        await open_course(shown)
        AnswerBook("two").add("why", "It just is so.", Verdict(None, "Kept."))
        await shown.until_shown("1 of 2 done")
        await shown.press("enter")
        await type_in(shown, "784")
        await shown.press("enter")
        await shown.until_shown("2 of 2 done", "H writes a page")


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


def write_notebooks_run(workers: Workers) -> None:
    told = [*made_up.story(100), made_up.finished(100)]
    made_up.write_run(workers.folder, told, RunConfig(), "20261124-100001-calm-otter")


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


@pytest.mark.slow
async def test_a_run_that_a_step_asks_for_is_found_by_itself(
    opened: Opened, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnistop.tui.features.course.screen._LOOK_SECONDS", 0.01)
    text = TEXT.replace("check: number\nanswer: 784", "check: run\nrun: notebook")
    text = text.replace("### Hints\n- 28: That is one side.\n", "")
    async with opened() as shown:
        await open_course(shown, parse(text, "two.md", PANES))
        await shown.until_shown("You have no run yet")
        write_notebooks_run(workers)
        await shown.until_shown("✓ Right: calm-otter is such a run.", "1 of 2 done")
        assert "28 × 28 = 784" not in shown.sentences, "the words are still missing"
        await shown.press("enter")
        await type_in(shown, "It went well.")
        await shown.press("ctrl+s")
        await shown.until_shown("28 × 28 = 784")


@pytest.mark.slow
async def test_a_number_of_ones_own_run_is_checked_against_it(
    opened: Opened, workers: Workers
) -> None:
    text = TEXT.replace("answer: 784", "answer: run.mistakes\nrun: notebook")
    async with opened() as shown:
        await open_course(shown, parse(text, "two.md", PANES))
        await shown.press("enter")
        await type_in(shown, "22")
        await shown.press("enter")
        await shown.until_shown("train it first")
        write_notebooks_run(workers)
        await shown.press("enter")
        await shown.until_shown("Not yet: your number is too small.")
        assert box(shown).has_focus


@pytest.mark.slow
async def test_an_error_while_checking_is_told_and_nothing_is_lost(
    opened: Opened, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*details: object) -> None:
        raise MnistopError("The weights are damaged.")

    write_notebooks_run(workers)
    monkeypatch.setattr(worker, "ask", fail)
    text = TEXT.replace("answer: 784", "answer: run.smallest_epsilon\nimage: 0\nrun: notebook")
    async with opened() as shown:
        await open_course(shown, parse(text, "two.md", PANES))
        await shown.press("enter")
        await type_in(shown, "0.07")
        await shown.press("enter")
        await shown.until_shown("The weights are damaged.")
        await shown.until(lambda: kept().of("pixels").draft == "0.07")


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
