"""Wrong loops as students write them, each named with its line, its symptom and its cause."""

from collections.abc import Callable

import pytest

from mnistop.engine.course.findings import Finding
from tests.engine.course.loops import WRONG, Wrong

Check = Callable[[str], list[Finding]]


@pytest.mark.parametrize("loop", WRONG, ids=lambda loop: f"{loop.blank}: {loop.name}")
def test_a_wrong_loop_is_named_with_line_symptom_and_cause(loop: Wrong, check_here: Check) -> None:
    found = check_here(loop.text)
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
