"""`mnistop course`: the list of steps, a teacher's file, and the page to hand in."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mnistop.engine.lessons.answers import AnswerBook
from mnistop.engine.lessons.checks import Verdict
from mnistop.engine.lessons.parser import bundled_course
from mnistop.tui.toolkit.bars import PANES
from tests.helpers.command_line import Answer, Finished

Call = Callable[..., Answer]

RIGHT, WRONG, KEPT = Verdict(True, "Right."), Verdict(False, "Not yet."), Verdict(None, "Kept.")
BUNDLED = bundled_course(PANES)
NASTY = "<script>alert(1)</script> & \u202e [x](y) ☃\nsecond line"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answer_some() -> None:
    book = AnswerBook("notebook", BUNDLED.title)
    book.add("data", "784", WRONG)
    book.add("data", "1,000", RIGHT)
    book.add("guess-loss", "0.1", WRONG)
    book.add("overfitting", NASTY, KEPT)
    book.add("matrix", "a", RIGHT)
    book.add("train", "", Verdict(True, "Right: this is your run."))
    book.add("train", "They fall.", Verdict(True, "Right: this is your run."))
    book.keep_draft("confident", "a draft of mine")


def test_the_list_says_what_is_answered(call: Call) -> None:
    answer_some()
    answer = call("course", "--list")
    assert answer.code == 0
    assert answer.out.startswith(f"{BUNDLED.title}: 4 of {len(BUNDLED.steps)} steps done\n")
    rows = {line[8:38].strip(): line[38:].strip() for line in answer.out.splitlines()[2:]}
    assert rows["The data"] == "right"
    assert rows["A guess: the loss"] == "not right yet"
    assert rows["Loss up, accuracy level"] == "answered"
    assert rows["Sure, and wrong"] == "open"
    assert call("course", "--list", "--ascii").out.isascii()


def test_the_list_for_programs_has_every_step_with_its_answer(call: Call) -> None:
    answer_some()
    rows = json.loads(call("course", "--list", "--json").out)
    assert [row["id"] for row in rows] == [step.id for step in BUNDLED.steps]
    data = rows[0]
    assert data == {
        "number": 1,
        "id": "data",
        "title": "The data",
        "check": "number",
        "screen": "data",
        "state": "right",
        "answer": "1,000",
        "attempts": 2,
        "revealed": False,
    }
    by_id = {row["id"]: row for row in rows}
    assert by_id["overfitting"]["answer"] == NASTY
    assert by_id["guess-loss"]["state"] == "wrong"
    assert by_id["confident"]["answer"] is None
    assert by_id["guess-loss"]["screen"] is None


def test_a_teachers_course_has_answers_of_its_own(call: Call, folder: Path) -> None:
    answer_some()
    text = "# Mine\nid: mine\n\n## One\nid: data\n\n### Question\nWhy?\n\n### Answer\nSo.\n"
    (folder / "mine.md").write_text(text)
    assert call("course", "mine.md", "--list").out.startswith("Mine: 0 of 1 steps done")


def test_another_course_under_the_same_id_is_named_beside_the_list(
    call: Call, folder: Path
) -> None:
    AnswerBook("mine", "Waves").add("crest", "1", RIGHT)
    text = "# Mine\nid: mine\n\n## One\nid: data\n\n### Question\nWhy?\n\n### Answer\nSo.\n"
    (folder / "mine.md").write_text(text)
    answer = call("course", "mine.md", "--list", "--json")
    assert "Waves" in answer.err
    assert json.loads(answer.out)[0]["state"] == "open"


def test_all_mistakes_in_a_file_come_with_their_lines(call: Call, folder: Path) -> None:
    (folder / "mine.md").write_text("# Mine\n\n## One\nid: a\ncheck: foo\n")
    answer = call("course", "mine.md", "--list")
    assert answer.code == 2
    lines = answer.err.splitlines()
    assert lines[0].startswith("mnistop: mine.md, line 1: ")
    assert [int(re.findall(r"line (\d+):", line)[0]) for line in lines] == [1, 3, 3, 5]


def test_options_of_the_page_need_the_page_and_the_app_needs_a_terminal(call: Call) -> None:
    answer = call("course", "--name", "Ada")
    assert answer.code == 2
    assert "--hand-in" in answer.err
    answer = call("course")
    assert answer.code == 2
    assert "needs a terminal" in answer.err


def test_a_missing_file_is_one_sentence(call: Call) -> None:
    answer = call("course", "none.md")
    assert answer.code == 2
    assert answer.err == "mnistop: none.md cannot be read: No such file or directory.\n"


def test_without_a_run_the_page_has_the_answers(call: Call, folder: Path) -> None:
    answer_some()
    answer = call("course", "--hand-in", "ada.html", "--name", "Ada <b>")
    assert answer.code == 0, answer.err
    page = (folder / "ada.html").read_text()
    assert "There is no run yet." in page
    assert "Handed in by Ada &lt;b&gt;<" in page
    assert "<script" not in page.replace("&lt;script", "")
    assert "second line" in page
    assert "\u202e" not in page
    assert "3 right, 1 answered in own words, 1 not right yet, 21 not answered" in page
    assert page.count("2 attempts") == 1, "a run that was found is no attempt"
    assert "a: images of a 4 that the model took for a 9" in page
    assert "a draft of mine" in page
    for step in BUNDLED.steps:
        assert step.title in page.replace("&lt;", "<").replace("&amp;", "&")


def test_a_page_is_not_overwritten_unasked_and_the_name_is_kept(call: Call, folder: Path) -> None:
    (folder / "ada.html").write_text("mine")
    answer = call("course", "--hand-in", "ada.html", "--name", "Ada")
    assert answer.code == 2
    assert "is there already" in answer.err
    assert (folder / "ada.html").read_text() == "mine"
    assert call("course", "--hand-in", "ada.html", "--name", "Ada", "--force").code == 0
    assert call("course", "--hand-in", "again.html").code == 0
    assert "Handed in by Ada<" in (folder / "again.html").read_text()


@pytest.fixture
def page(call: Call, finished: Finished, folder: Path) -> Path:
    answer_some()
    answer = call("course", "--hand-in", "ada.html", runs=finished.place.folder)
    assert answer.code == 0, answer.err
    return folder / "ada.html"


@pytest.mark.process
@pytest.mark.slow
def test_the_page_has_the_figures_of_the_students_run(page: Path, finished: Finished) -> None:
    text = page.read_text()
    assert finished.name in text
    for title in (
        "Samples, labels and flattening",
        "Curves",
        "Predictions",
        "Confusion matrix",
        "Most confident mistakes",
        "An adversarial example",
        "Weights of the first layer",
    ):
        assert f"Figure: {title}" in text
    # samples, predictions, three of the attack, weights; and the mistakes
    assert text.count("<img ") >= 16 + 16 + 3 + 16
    assert text.count("<svg ") == 3
    assert text.count('class="bars"') == 5
    assert 'class="matrix"' in text
    assert "http-equiv" in text
    assert "http://www.w3.org/2000/svg" in text
    assert not re.findall(r"""(?:src|href)=["'](?!data:)""", text), "it needs nothing else"


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("chromium"), reason="needs Chromium")
def test_a_browser_can_print_the_page(page: Path) -> None:
    pdf = page.with_suffix(".pdf")
    browser = ["chromium", "--headless", "--no-sandbox", "--disable-gpu"]
    profile = f"--user-data-dir={page.parent / 'profile'}"
    subprocess.run(
        [*browser, profile, f"--print-to-pdf={pdf}", page.as_uri()],
        check=True,
        capture_output=True,
        timeout=100,
    )
    assert pdf.read_bytes().startswith(b"%PDF")
