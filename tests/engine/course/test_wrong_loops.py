"""Wrong loops as students write them, each named with its line, its symptom and its cause."""

from collections.abc import Callable

import pytest

from mnistop.engine.course.findings import Finding
from tests.engine.course.loops import WRONG
from tests.engine.course.public_questions import QUESTIONS, Question
from tests.helpers.selection import one_in

Check = Callable[..., list[Finding]]

LOOPS = [Question(one.name, one.text, one.blank, one.at, one.says) for one in WRONG]
LOOPS += QUESTIONS


@pytest.mark.parametrize("loop", one_in(8, LOOPS), ids=lambda loop: f"{loop.blank}: {loop.name}")
def test_a_wrong_loop_is_named_with_line_symptom_and_cause(
    loop: Question, check_here: Check
) -> None:
    parts = [loop.blank] if loop.blank in ("train_step", "evaluate", "loop") else []
    found = check_here(loop.text, *parts)
    bad = [one for one in found if one.state in ("wrong", "error")]
    named = {one.blank: one for one in bad}
    assert loop.blank in named, found
    finding = named[loop.blank]
    for words in loop.says:
        assert words in finding.message
    assert set(named) == {loop.blank}, bad
    assert finding.line
    assert finding.message.startswith(f"Line {finding.line}: ")
    assert loop.at in loop.text.splitlines()[finding.line - 1]
