"""The course that comes with the program: its model answers pass, its hints are for wrong ones."""

import math
from typing import Any

import pytest

from mnistop.engine.analysis.samples import load_samples
from mnistop.engine.config import RunConfig
from mnistop.engine.lessons.checks import Choice, Number, Shape, Words
from mnistop.engine.lessons.course import Step
from mnistop.engine.lessons.own_runs import OwnNumber, RunWanted
from mnistop.engine.lessons.parser import bundled_course
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import clean
from mnistop.tui.toolkit.bars import PANES

COURSE = bundled_course(PANES)


def test_it_covers_the_notebook() -> None:
    assert 15 <= len(COURSE.steps) <= 30
    about = {step.place.screen for step in COURSE.steps}
    assert about >= {"train", "data", "mistakes", "attack", "weights", "compare"}
    assert {step.kind for step in COURSE.steps} == {"number", "shape", "choice", "text", "run"}


@pytest.mark.parametrize("step", COURSE.steps, ids=lambda step: step.id)
def test_each_step_passes_its_own_check(step: Step) -> None:
    model_answer = " ".join(block.text for block in step.model_answer)
    match step.check:
        case Number(answer=answer):
            assert step.check.check(f"{answer:.6g}").right
        case Shape(answer=shape):
            assert step.check.check(str(shape)).right
            assert str(shape) in model_answer
        case Choice(answer=letter):
            assert step.check.check(letter).right
            assert set(step.check.hints) == set(step.check.choices) - {letter}
        case Words():
            assert step.check.check(model_answer).right is None
        case OwnNumber():
            assert step.check.check("7", 7.0).right
        case RunWanted():
            assert step.check.check([]).right is False


@pytest.mark.parametrize(
    ("step", "wrong"),
    [
        (step, wrong)
        for step in COURSE.steps
        for wrong in getattr(step.check, "hints", {})
        if not isinstance(step.check, OwnNumber)
    ],
    ids=str,
)
def test_a_hint_is_for_a_wrong_answer_and_does_not_give_the_right_one_away(
    step: Step, wrong: str
) -> None:
    check: Any = step.check
    verdict = check.check(wrong)
    assert verdict.right is False
    assert verdict.message == check.hints[wrong]
    if isinstance(check, Number) and check.answer not in (0, 1):
        assert f"{check.answer:g}" not in verdict.message.replace(",", "")
    if isinstance(check, Shape):
        assert str(check.answer) not in verdict.message


@pytest.mark.parametrize("step", COURSE.steps, ids=lambda step: step.id)
def test_its_texts_are_short(step: Step) -> None:
    assert len(step.question_line) <= 125, "it has to fit the bar of two lines"
    assert len(step.title) <= 28
    words = sum(len(block.text.split()) for block in step.text if block.kind != "code")
    assert words <= 90


@pytest.mark.parametrize("step", COURSE.steps, ids=lambda step: step.id)
def test_its_texts_can_be_shown_in_ascii(step: Step) -> None:
    texts = [step.title, *step.choices.values(), *getattr(step.check, "hints", {}).values()]
    texts += [block.text for block in (*step.text, *step.question, *step.model_answer)]
    for text in texts:
        shown = clean(text, Terminal(unicode=False))
        assert shown.count("?") == text.count("?"), text


def test_its_facts_are_those_of_the_data() -> None:
    config = RunConfig()
    samples = load_samples(config, 0, 1)
    counts = samples.counts
    known = {step.id: step.check for step in COURSE.steps}
    assert known["data"].answer == sum(counts.training) + sum(counts.validation)  # type: ignore[union-attr]
    assert known["batches"].answer == sum(counts.training) / config.batch_size  # type: ignore[union-attr]
    assert max(range(10), key=counts.training.__getitem__) == 1
    assert math.isclose(max(counts.training) / sum(counts.training), 0.1, abs_tol=0.03)
