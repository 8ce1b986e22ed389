"""The file of a course: its mistakes with their lines, all at once."""

import pickle
import re
from pathlib import Path

import pytest

from mnistop.engine.errors import MnistopError
from mnistop.engine.lessons.checks import Number, Shape
from mnistop.engine.lessons.own_runs import EPSILON, FACTS, VERDICTS, OwnNumber, RunWanted
from mnistop.engine.lessons.parser import CourseError, load_course, parse
from mnistop.engine.lessons.step_file import KEYS
from tests.helpers.small_runs import ROOT

SCREENS = {
    "train": ("Charts",),
    "data": ("Images", "Labels"),
    "attack": (),
    "mistakes": (),
    "compare": (),
}

GOOD = """\
# A course
id: mine

## Pixels
id: pixels
screen: data
form: notebook
image: 3
pane: labels
check: number
answer: 784
unit: pixels, numbers

Some text with `code`,
that goes on.

- an item
  that goes on

```
code = "## no heading"
```

### Question
How many?

### Hints
- 28: That is one side
  of it.

### Answer
784.
"""


def problems(text: str) -> list[tuple[int, str]]:
    with pytest.raises(CourseError) as raised:
        parse(text, "mine.md", SCREENS)
    return raised.value.problems


def test_a_course_is_read() -> None:
    course = parse(GOOD, "mine.md", SCREENS)
    (step,) = course.steps
    assert (course.id, course.title, step.id, step.title, step.line) == (
        "mine",
        "A course",
        "pixels",
        "Pixels",
        4,
    )
    assert [(block.kind, block.text) for block in step.text] == [
        ("paragraph", "Some text with `code`, that goes on."),
        ("item", "an item that goes on"),
        ("code", 'code = "## no heading"'),
    ]
    assert step.check == Number(
        784, units=("pixels", "numbers"), hints={"28": "That is one side of it."}
    )
    assert step.place.screen == "data"
    assert step.place.image == 3
    assert step.place.pane == "Labels"
    assert step.place.form == {}


@pytest.mark.parametrize(
    ("line", "changed", "at", "part"),
    [
        ("# A course", "A course", 1, "title"),
        ("id: mine", "", 1, "no id"),
        ("id: mine", "id: My Course", 2, "lower-case"),
        ("id: mine", "id: mine\nscreen: data", 3, "only an id"),
        ("id: mine", "id: mine\n\nText.", 4, "before the first step"),
        ("## Pixels", "##", 4, "no title"),
        ("## Pixels", "# Pixels", 4, "title already"),
        ("id: pixels", "", 4, "no id"),
        ("id: pixels", "id: pixels\nid: twice", 6, "twice"),
        ("screen: data", "screen: dat", 6, "did you mean data?"),
        ("screen: data", "scren: data", 6, "did you mean screen?"),
        ("form: notebook", "form: notebok", 7, "preset"),
        ("form: notebook", "form: lr=-1", 7, "form is wrong"),
        ("form: notebook", "form: foo=1", 7, "foo"),
        ("form: notebook", "run: foo>1", 7, "no filter"),
        ("form: notebook", "epoch: soon", 7, "whole number"),
        ("form: notebook", "images: foo:1", 7, "no filter"),
        ("form: notebook", "verdict: works", 7, "for check: run"),
        ("pane: labels", "pane: Charts", 9, "no pane 'Charts': use one of Images, Labels."),
        ("image: 3", "image: -3", 8, "whole number"),
        ("check: number", "check: numbr", 10, "no check"),
        ("check: number", "check: shape", 12, "for check: number"),
        ("answer: 784", "", 4, "needs a key answer"),
        ("answer: 784", "answer: many", 11, "neither one number"),
        ("answer: 784", "answer: run.foo", 11, "no 'foo'"),
        ("answer: 784", "answer: 784\ntolerance: some", 12, "tolerance"),
        ("```\n\n###", "\n\n###", 20, "no end"),
        ("### Question", "### Qestion", 24, "no part"),
        ("### Question", "#### Question", 24, "one to three"),
        ("How many?", "", 24, "question is empty"),
        ("### Hints", "### Question", 27, "already"),
        ("- 28: That", "- many: That", 28, "no number"),
        ("- 28: That", "28: That", 28, "KEY"),
        ("### Hints", "### Choices", 27, "choice only"),
        ("784.\n", "", 31, "answer is empty"),
    ],
)
def test_each_mistake_has_its_line(line: str, changed: str, at: int, part: str) -> None:
    assert line in GOOD
    found = problems(GOOD.replace(line, changed, 1))
    assert any(number == at and part in sentence for number, sentence in found), found


@pytest.mark.parametrize(
    ("check", "at", "part"),
    [
        ("check: choice\nanswer: a", 4, "two lines or more"),
        ("check: shape\nanswer: wide", 7, "no shape"),
        ("check: run", 4, "needs a key run"),
        ("check: run\nrun: lr>0.1\nverdict: good", 8, "no verdict"),
        ("check: number\nanswer: run.smallest_epsilon", 7, "needs a key image"),
        ("epoch: 3", 6, "needs a key screen"),
        ("screen: train\nimage: 3", 7, "for screen: attack or weights or data"),
        ("screen: data\nimages: all", 7, "for screen: mistakes"),
        ("screen: compare\nrun: notebook", 6, "two filters"),
    ],
)
def test_each_kind_of_check_asks_for_its_keys(check: str, at: int, part: str) -> None:
    text = f"# A\nid: a\n\n## B\nid: b\n{check}\n\n### Question\nWhy?\n\n### Answer\nSo.\n"
    found = problems(text)
    assert any(number == at and part in sentence for number, sentence in found), found


def test_a_header_needs_no_space_and_an_address_is_text() -> None:
    text = GOOD.replace("id: pixels", "id:pixels").replace("Some text", "https://example.org has")
    (step,) = parse(text, "mine.md", SCREENS).steps
    assert step.id == "pixels"
    assert step.text[0].text.startswith("https:")
    text = text.replace("numbers\n\nhttps", "numbers\nhttps")
    assert parse(text, "mine.md", SCREENS).steps[0].text == step.text


def test_all_mistakes_come_at_once_in_the_order_of_their_lines() -> None:
    text = "# A\n\n## B\nscreen: x\ncheck: y\n\n## C\nid: c\n\n### Question\n?\n"
    found = problems(text)
    assert [line for line, _ in found] == sorted(line for line, _ in found)
    assert {line for line, _ in found} == {1, 3, 4, 5, 7}


def test_two_steps_of_one_id_and_a_course_without_steps() -> None:
    again = GOOD + GOOD[GOOD.index("## Pixels") :]
    assert any("taken by the step in line 4" in text for _, text in problems(again))
    assert any("no step" in text for _, text in problems("# A\nid: a\n"))
    assert problems("")


def test_the_error_names_the_file_and_survives_another_process() -> None:
    with pytest.raises(CourseError) as raised:
        parse("# A\n", "mine.md", SCREENS)
    assert raised.value.sentences[0].startswith("mine.md, line 1: ")
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)


def test_runs_presets_and_tolerances() -> None:
    text = (
        "# A\nid: a\n\n## B\nid: b\nscreen: compare\ncheck: run\nrun: script:.py | notebook\n"
        "verdict: too low, works\n\n### Question\nWhy?\n\n### Answer\nSo.\n\n## C\nid: c\n"
        "check: number\nanswer: run.val_acc\ntolerance: 0.5%\nrun: single layer\n\n"
        "### Question\nWhy?\n\n### Answer\nSo.\n\n## D\nid: d\ncheck: shape\nanswer: (1, 2)\n\n"
        "### Question\nWhy?\n\n### Answer\nSo.\n"
    )
    first, second, third = parse(text, "a.md", SCREENS).steps
    assert first.check == RunWanted("script:.py", ("too low", "works"))
    assert first.place.runs == ("script:.py", "notebook")
    assert second.check == OwnNumber("val_acc", 0.005)
    assert third.check == Shape((1, 2))


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(MnistopError, match="cannot be read"):
        load_course(tmp_path / "none.md", SCREENS)
    with pytest.raises(MnistopError, match="cannot be read"):
        load_course(tmp_path, SCREENS)
    (tmp_path / "latin.md").write_bytes(b"# A\nid: a\n\xe9\n")
    with pytest.raises(CourseError, match="line 3: This is not UTF-8"):
        load_course(tmp_path / "latin.md", SCREENS)
    (tmp_path / "large.md").write_bytes(b"# A\n" * (1 << 19))
    with pytest.raises(MnistopError, match="megabyte"):
        load_course(tmp_path / "large.md", SCREENS)


def test_the_guide_has_a_course_that_works_and_names_every_key() -> None:
    guide = (ROOT / "docs/course.md").read_text("utf-8")
    (example,) = re.findall(r"^```markdown\n(.*?)^```$", guide, re.DOTALL | re.MULTILINE)
    course = parse(example, "attacks.md", dict.fromkeys(("attack", "train"), ()))
    assert [step.id for step in course.steps] == ["one-pixel", "robust"]
    for name in (*KEYS, *FACTS, EPSILON, *VERDICTS):
        assert re.search(rf"`[^`]*\b{name}\b[^`]*`", guide), name
