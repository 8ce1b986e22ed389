"""A student goes through the whole course in a real terminal, and is interrupted in between."""

import re
import signal
from pathlib import Path

import pytest
from msgspec.structs import replace

from mnistop.engine.config import RunConfig
from mnistop.engine.lessons.answers import AnswerBook, count_states
from mnistop.engine.lessons.checks import Choice, Number, Shape
from mnistop.engine.lessons.course import Step
from mnistop.engine.lessons.own_runs import EPSILON, OwnNumber, RunWanted, fact_of, matching
from mnistop.engine.lessons.parser import bundled_course
from mnistop.engine.runs.index import list_all
from mnistop.engine.runs.run_folder import Origin, create_recorded
from mnistop.tui.toolkit.bars import PANES
from tests.helpers import made_up
from tests.helpers.pseudo_terminal import Terminal, places, terminal
from tests.helpers.waiting import wait_until

pytestmark = [pytest.mark.process, pytest.mark.pty, pytest.mark.slow]

COURSE = bundled_course(PANES)
LAST_BEFORE = 23
"""The steps that are done before the program is killed; the others need no PyTorch."""
DONE = "\x13"
"""Ctrl+S."""

NAMES = iter(f"20260101-12000{number}-other-run" for number in range(9))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in places(tmp_path).items():
        monkeypatch.setenv(name, value)
    return tmp_path


def write_other_runs(folder: Path) -> None:
    """Write the runs that the course asks for beside the notebook's, which is trained."""
    runs = folder / "mnistop_runs"
    fast = [*made_up.story(100), made_up.finished(100)]
    slow = [
        replace(event, train_loss=2.302 - number / 1000, val_loss=2.303 - number / 1000)
        for number, event in enumerate(map(made_up.epoch, range(100)))
    ]
    told = {
        RunConfig(hidden=()): fast,
        RunConfig(shift=2): fast,
        RunConfig(lr=0.0003): [made_up.started(), *slow, made_up.finished(100)],
        RunConfig(lr=3.0): [*made_up.story(3), made_up.failed("Diverged.", diverged=True)],
    }
    for name, (config, said) in zip(NAMES, told.items(), strict=False):
        made_up.write_run(runs, said, config, name)
    recorded, lock = create_recorded(Origin(script="loop.py"), {"lr": 0.1}, runs)
    lock.close()
    made_up.say(recorded, fast)


def smallest_epsilon(shown: Terminal) -> str:
    """Read the smallest ε off the attack screen, as a student does."""
    shown.send("escape")
    shown.wait_for("o Open its screen")
    shown.send("o")
    shown.wait_for("FGSM L∞ ε 0.125")
    shown.send("m")
    shown.wait_for(lambda: re.search(r"FGSM L∞ ε 0\.0\d+", shown.text))
    found = re.search(r"FGSM L∞ ε (0\.0\d+)", shown.text)
    assert found
    shown.send("7")
    shown.wait_for("Your answer")
    shown.send("enter", "\x15")
    return found[1]


def right_answer(shown: Terminal, step: Step) -> str:
    match step.check:
        case Number(answer=number):
            return f"{number:.6g}"
        case Shape(answer=shape):
            return "x".join(map(str, shape))
        case Choice(answer=letter):
            return letter
        case OwnNumber(fact=fact):
            if fact == EPSILON:
                return smallest_epsilon(shown)
            return f"{fact_of(matching(list_all().runs, 'notebook')[0].run, fact):g}"
    return f"My own words on {step.id}."


def answer(shown: Terminal, step: Step) -> None:
    """Answer a step: first wrongly, where that gets a hint, then right."""
    if isinstance(step.check, RunWanted):
        shown.wait_for("✓ Right")
    shown.send("enter")
    for wrong, hint in list(getattr(step.check, "hints", {}).items())[:1]:
        shown.send(wrong, "enter")
        shown.wait_for(f"✗ {hint[:20]}")
    shown.send(
        right_answer(shown, step), "enter" if step.kind in ("number", "shape", "choice") else DONE
    )
    is_last = step is COURSE.steps[-1]
    shown.wait_for("All steps are done" if is_last else "Enter changes the answer")


def go_through(shown: Terminal, first: int, last: int) -> None:
    """Answer the steps from one number to another."""
    for number in range(first, last + 1):
        step = COURSE.steps[number - 1]
        shown.wait_for(f" {number} of {len(COURSE.steps)}: {step.title}")
        if step.id == "train":
            shown.send("o")
            shown.wait_for("Press r to train")
            shown.send("r")
            shown.wait_for("this is your run")
            shown.send("7")
        answer(shown, step)
        if number < len(COURSE.steps):
            shown.send("n")


def test_the_whole_course(folder: Path) -> None:
    write_other_runs(folder)
    with terminal(folder, "course") as shown:
        go_through(shown, 1, LAST_BEFORE)
        shown.wait_for(f" {LAST_BEFORE + 1} of ")
        shown.send("enter", "A digit is made of ")
        half = AnswerBook(COURSE.id)
        wait_until(lambda: half.read().of("strokes").draft == "A digit is made of ")
        shown.process.kill(signal.SIGKILL)
    with terminal(folder, "course", size=(80, 24)) as shown:
        shown.wait_for(f"{LAST_BEFORE + 1} of 26: Strokes, and what is missing")
        shown.wait_for("A digit is made of")
        shown.send("enter", "strokes.", DONE)
        shown.wait_for("Enter changes the answer")
        shown.send("n")
        go_through(shown, LAST_BEFORE + 2, len(COURSE.steps))
        shown.send("q")
        assert shown.wait_for_end() == 0
    kept = AnswerBook(COURSE.id).read()
    counts = count_states(kept, [step.id for step in COURSE.steps])
    words = sum(step.kind == "text" for step in COURSE.steps)
    assert counts == {
        "right": len(COURSE.steps) - words,
        "answered": words,
        "wrong": 0,
        "open": 0,
    }
    for step in COURSE.steps:
        best = kept.of(step.id).best
        assert best, step.id
        assert best.text
