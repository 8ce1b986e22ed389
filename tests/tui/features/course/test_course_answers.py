"""Answering on the course screen: what is typed, checked, found and kept, without any process."""

import pytest

from mnistop.engine import worker
from mnistop.engine.errors import MnistopError
from mnistop.engine.lessons.answers import AnswerBook
from mnistop.engine.lessons.checks import Verdict
from mnistop.engine.lessons.parser import parse
from mnistop.tui.features.course.screen import CourseScreen
from mnistop.tui.toolkit.bars import PANES
from tests.helpers.course_screen import TEXT, box, kept, open_course, type_in, write_notebooks_run
from tests.helpers.dashboard import Opened, Workers
from tests.helpers.made_up_attacks import Answers, smallest


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

    monkeypatch.setattr("mnistop.tui.features.course.answering._RETRY_SECONDS", 0.01)
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
        await shown.until_shown(
            "✓ Right: this is your run calm-otter.", "… 1 Pixels", "0 of 2 done"
        )
        await shown.press("m")
        await shown.until_shown("Answer the question first")
        assert "28 × 28 = 784" not in shown.sentences, "the words are still missing"
        assert not kept().of("pixels").revealed
        await shown.press("enter")
        await type_in(shown, "It went well.")
        await shown.press("ctrl+s")
        await shown.until_shown("28 × 28 = 784", "1 of 2 done")
        assert not [notice for notice in shown.notices if "As before" in notice]


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
async def test_the_smallest_epsilon_of_other_attacks_is_told_apart(
    opened: Opened, workers: Workers, answers: Answers
) -> None:
    write_notebooks_run(workers)
    text = TEXT.replace("answer: 784", "answer: run.smallest_epsilon\nimage: 0\nrun: notebook")
    async with opened() as shown:
        await open_course(shown, parse(text, "two.md", PANES))
        await shown.press("enter")
        await type_in(shown, f"{smallest(0, 'deepfool'):g}")
        await shown.press("enter")
        await shown.until_shown("Asked is FGSM alone")
        await type_in(shown, f"{smallest(0):g}")
        await shown.press("enter")
        await shown.until_shown("✓ Right.")


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
