"""Loops in one piece, as the notebook's cell is: wrong ones and right ones."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mnistop.engine.course.findings import Finding
from tests.engine.course.inline_loops import RIGHT, WRONG
from tests.helpers.selection import one_in

Check = Callable[[str], list[Finding]]


@pytest.mark.parametrize("name", one_in(6, WRONG))
def test_a_wrong_script_is_named_with_line_symptom_and_cause(name: str, check_here: Check) -> None:
    text, at, says = WRONG[name]
    bad = [one for one in check_here(text) if one.state != "right"]
    (finding,) = bad
    for words in says:
        assert words in finding.message
    assert finding.line
    assert at in text.splitlines()[finding.line - 1]


@pytest.mark.parametrize("name", one_in(6, RIGHT))
def test_a_right_script_is_right(name: str, check_here: Check) -> None:
    found = check_here(RIGHT[name])
    assert "training step" in [one.blank for one in found]
    assert [one for one in found if one.state != "right"] == []


def test_the_documented_loop_is_right(check_here: Check) -> None:
    text = (Path(__file__).parents[3] / "docs/own_loop.py").read_text(encoding="utf-8")
    assert [one.state for one in check_here(text)] == ["right"] * 2
