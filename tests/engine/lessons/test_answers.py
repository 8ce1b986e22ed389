"""Answers on the disk: kept whatever happens, and private."""

import json
import os
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mnistop.engine import files
from mnistop.engine.errors import MnistopError
from mnistop.engine.lessons.answers import AnswerBook, count_states, note_on
from mnistop.engine.lessons.checks import Verdict
from mnistop.engine.lessons.course import Course
from mnistop.engine.lessons.parser import parse
from tests.helpers.small_runs import ROOT

RIGHT, WRONG, KEPT = Verdict(True, "Right."), Verdict(False, "Not yet."), Verdict(None, "Kept.")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path / "mnistop" / "course"


def test_answers_are_kept_in_a_private_file(folder: Path) -> None:
    book = AnswerBook("mine", "A course")
    assert book.read().steps == {}
    assert not folder.exists()
    book.add("pixels", "28", WRONG)
    book.add("pixels", "784", RIGHT)
    book.keep_draft("why", "Because\n🙂")
    book.keep_name("Ada")
    kept = AnswerBook("mine").read()
    assert (kept.title, kept.name) == ("A course", "Ada")
    assert [attempt.text for attempt in kept.of("pixels").attempts] == ["28", "784"]
    assert kept.of("why").draft == "Because\n🙂"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for file in folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_a_step_is_right_once_it_was_and_shows_its_best_answer(folder: Path) -> None:
    book = AnswerBook("mine")
    states = [book.read().of("a").state]
    for text, verdict in (("1", WRONG), ("2", RIGHT), ("3", WRONG)):
        states.append(book.add("a", text, verdict).of("a").state)
    assert states == ["open", "wrong", "right", "right"]
    best = book.read().of("a").best
    assert best
    assert best.text == "2"
    assert book.add("b", "words of my own", KEPT).of("b").state == "answered"
    assert count_states(book.read(), ["a", "b", "c"]) == {
        "right": 1,
        "answered": 1,
        "wrong": 0,
        "open": 1,
    }


def test_handing_in_ends_a_draft_and_the_same_answer_twice_is_one(folder: Path) -> None:
    book = AnswerBook("mine")
    book.keep_draft("a", "1")
    assert book.add("a", "1", WRONG).of("a").draft == ""
    assert len(book.add("a", "1", WRONG).of("a").attempts) == 1


def test_two_writers_lose_none_of_each_others_answers(folder: Path) -> None:
    def write(writer: int) -> None:
        book = AnswerBook("mine")
        for number in range(20):
            book.add(f"step-{writer}", str(number), WRONG)
            book.add("both", f"{writer}.{number}", KEPT)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    kept = AnswerBook("mine").read()
    for writer in range(4):
        own = [attempt.text for attempt in kept.of(f"step-{writer}").attempts]
        assert own == [str(number) for number in range(20)]
    both = {attempt.text for attempt in kept.of("both").attempts}
    assert both == {f"{writer}.{number}" for writer in range(4) for number in range(20)}


PROGRAM = """
from mnistop.engine.lessons.answers import AnswerBook
from mnistop.engine.lessons.checks import Verdict
book = AnswerBook("mine")
for number in range(100000):
    book.add("a", str(number), Verdict(False, "Not yet."))
    print(number, flush=True)
"""


@pytest.mark.process
@pytest.mark.slow
def test_a_killed_writer_leaves_all_answers_and_no_lock(folder: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout
    for line in writer.stdout:
        if int(line) == 20:
            break
    writer.send_signal(signal.SIGKILL)
    confirmed = [int(line) for line in writer.stdout.read().split()]
    writer.wait()
    kept = [int(attempt.text) for attempt in AnswerBook("mine").read().of("a").attempts]
    assert kept == list(range(len(kept)))
    assert len(kept) > max(confirmed, default=20)
    AnswerBook("mine").add("b", "still possible", KEPT)


def test_a_full_disk_changes_nothing_and_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = AnswerBook("mine")
    book.add("a", "1", RIGHT)
    before = book.path.read_bytes()

    def no_space(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("mnistop.engine.lessons.answers.write_atomically", no_space)
        with pytest.raises(MnistopError, match=r"not saved.*No space left"):
            book.add("a", "2", RIGHT)
    assert book.path.read_bytes() == before
    assert len(book.add("a", "2", RIGHT).of("a").attempts) == 2
    assert files.write_atomically is not no_space


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"steps": {"a": 1}}', b"\xff" * 9])
def test_a_damaged_file_is_set_aside_and_named(folder: Path, content: bytes) -> None:
    book = AnswerBook("mine")
    book.add("a", "1", RIGHT)
    book.path.write_bytes(content)
    assert book.read().steps == {}
    assert str(book.path.with_suffix(".damaged")) in book.notice
    assert book.path.with_suffix(".damaged").read_bytes() == content
    assert book.add("a", "2", RIGHT).of("a").state == "right"
    book.path.write_bytes(content)
    book.add("a", "3", RIGHT)
    assert (folder / "mine-2.damaged").read_bytes() == content


def test_another_course_of_the_same_id_is_named(folder: Path) -> None:
    def course(title: str, *ids: str) -> Course:
        steps = "".join(f"## A step\nid: {id}\n### Question\nWhy?\n### Answer\nSo.\n" for id in ids)
        return parse(f"# {title}\nid: mine\n{steps}", "mine.md", {})

    AnswerBook("mine", "Waves").add("crest", "1", RIGHT)
    kept = AnswerBook("mine").read()
    assert note_on(kept, course("Waves", "trough")) == "", "a step was taken away"
    assert note_on(kept, course("About waves", "crest", "trough")) == "", "a better title"
    assert '"Waves" are kept under the same id, mine' in note_on(kept, course("Light", "ray"))


def test_answers_of_a_newer_version_are_read(folder: Path) -> None:
    book = AnswerBook("mine")
    book.add("a", "1", RIGHT)
    content = json.loads(book.path.read_text()) | {"more": 1}
    book.path.write_text(json.dumps(content))
    assert book.read().of("a").state == "right"


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_one_sentence(folder: Path) -> None:
    book = AnswerBook("mine")
    book.add("a", "1", RIGHT)
    book.path.chmod(0)
    with pytest.raises(MnistopError, match="cannot be read"):
        book.read()


def test_characters_that_no_file_can_hold_damage_nothing(folder: Path) -> None:
    AnswerBook("mine").add("a", "half \ud83d of a pair, \x00 and \x1b", KEPT)
    assert AnswerBook("mine").read().of("a").attempts[0].text == "half ? of a pair, \x00 and \x1b"


def test_a_long_answer_is_cut_and_not_lost(folder: Path) -> None:
    book = AnswerBook("mine")
    book.add("a", "x" * 30_000, KEPT)
    assert len(book.read().of("a").attempts[0].text) == 20_000
