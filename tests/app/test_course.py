"""A student goes through the whole course in a real terminal, and is interrupted in between."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mnistop.engine import worker
from mnistop.engine.config import RunConfig
from mnistop.engine.lessons.answers import AnswerBook, count_states
from mnistop.engine.lessons.checks import Choice, Number, Shape
from mnistop.engine.lessons.course import Step
from mnistop.engine.lessons.own_runs import EPSILON, OwnNumber, RunWanted, fact_of, matching
from mnistop.engine.lessons.parser import bundled_course
from mnistop.engine.runs.index import list_all
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.toolkit.bars import PANES
from tests.helpers.pseudo_terminal import Terminal, places, terminal
from tests.helpers.waiting import wait_until

pytestmark = [pytest.mark.process, pytest.mark.pty, pytest.mark.slow]

COURSE = bundled_course(PANES)
DONE = "\x13"
"""Ctrl+S."""

OWN_LOOP = """
import mnistop, torch
x, y = torch.rand(20, 784), torch.arange(20) % 10
model = torch.nn.Linear(784, 10)
run = mnistop.init(config={"lr": 0.1}, validation=(x, y))
for epoch in run.epochs(2):
    run.evaluate(model)
run.finish(model=model)
"""
OTHER_RUNS = ({"hidden": ()}, {"shift": 2}, {"lr": 3.0}, {"lr": 0.0003})
"""What the course asks for beside the notebook's run."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in places(tmp_path).items():
        monkeypatch.setenv(name, value)
    return tmp_path


def start_other_runs(folder: Path) -> list[Run]:
    """Start all runs but the notebook's, and a recorded one; they end while the test goes on."""
    (folder / "loop.py").write_text(OWN_LOOP)
    subprocess.Popen([sys.executable, "loop.py"], cwd=folder)
    return [worker.launch(RunConfig(**changes)) for changes in OTHER_RUNS]  # type: ignore[arg-type]


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
    shown.wait_for("All steps are done" if is_last else "n goes to the next step")


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
    others = start_other_runs(folder)
    with terminal(folder, "course") as shown:
        go_through(shown, 1, 9)
        shown.wait_for(" 10 of ")
        shown.send("enter", "(32, 1")
        wait_until(lambda: AnswerBook(COURSE.id).read().of("shape-logits").draft == "(32, 1")
        shown.process.kill(signal.SIGKILL)
    wait_until(lambda: not any(run.is_running() for run in others))
    with terminal(folder, "course", size=(80, 24)) as shown:
        shown.wait_for("10 of 26: Shapes: the logits")
        shown.wait_for("(32, 1")
        shown.send("enter", "0) is the shape", "enter")
        shown.wait_for("n goes to the next step")
        shown.send("n")
        go_through(shown, 11, len(COURSE.steps))
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
