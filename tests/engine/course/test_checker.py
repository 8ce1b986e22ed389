"""The checker against a hostile student's file."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mnistop.engine.course import parts
from mnistop.engine.course.checker import Checker
from mnistop.engine.course.findings import Finding
from mnistop.engine.course.source import Source
from tests.engine.course.loops import HEAD, MODEL, PIECES, STEP, VALUES, file_of
from tests.helpers.selection import one_in

pytestmark = [pytest.mark.process, pytest.mark.fast]

Check = Callable[[str], list[Finding]]


def states(found: list[Finding]) -> dict[str, str]:
    return {one.blank: one.state for one in found}


@pytest.mark.parametrize(
    "line",
    one_in(
        7,
        [
            "raise ValueError('no')",
            "while True: pass",
            "import time; time.sleep(1000)",
            "import os; os._exit(3)",
            "exit()",
            "import os; os.kill(os.getpid(), 9)",
            "input()",
        ],
    ),
)
def test_a_function_that_does_not_return_is_an_error_and_the_others_are_checked(
    line: str, tmp_path: Path
) -> None:
    path = tmp_path / "loop.py"
    path.write_text(file_of(step=STEP.replace("    logits", f"    {line}\n    logits", 1)))
    with Checker(seconds=2) as checker:
        found = checker.check(path)
        assert states(found)["train_step"] == "error"
        assert [one for one in found if one.state != "right" and one.blank != "train_step"] == []
        path.write_text(file_of())
        assert set(states(checker.check(path)).values()) == {"right"}


@pytest.mark.slow
def test_an_endless_loop_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "loop.py"
    endless = "    while True:\n        pass\n    logits"
    path.write_text(file_of(step=STEP.replace("    logits", endless, 1)))
    with Checker(seconds=2) as checker:
        (finding,) = [one for one in checker.check(path) if one.state != "right"]
    assert finding.state == "error"
    assert "still running after 2 s" in finding.message
    assert finding.line


def test_a_file_that_is_not_python_is_named_with_its_line(check: Check) -> None:
    (finding,) = check("x = 1\ndef train_step(:\n")
    assert (finding.blank, finding.state, finding.line) == ("file", "error", 2)


@pytest.mark.parametrize("text", ["x = " + "-" * 100_000 + "1\n", "x = " + "1 + " * 50_000 + "1\n"])
def test_a_file_that_is_nested_too_deeply_is_an_error_of_this_file(text: str, check: Check) -> None:
    (finding,) = check(text)
    assert (finding.blank, finding.state) == ("file", "error")
    assert set(states(check(file_of())).values()) == {"right"}


def test_an_empty_file_and_missing_parts_are_blanks(check: Check) -> None:
    found = check(HEAD + VALUES + MODEL)
    assert states(found) | {"train_step": "blank", "evaluate": "blank"} == states(found)
    assert "There is no `train_step`" in found[-2].message
    for text in ("", "import torch\n", "# to do\nx = 1\n"):
        (finding,) = check(text)
        assert (finding.blank, finding.state) == ("file", "blank")
        assert "neither a function of the exercise nor a training loop" in finding.message


@pytest.mark.parametrize("body", ["pass", "...", "raise NotImplementedError", "return ____, 0"])
def test_a_function_with_an_empty_body_is_a_blank(body: str, check: Check) -> None:
    step = f'def train_step(model, x, y, lr):\n    """To do."""\n    {body}\n'
    (finding,) = [one for one in check(file_of(step=step)) if one.state != "right"]
    assert (finding.blank, finding.state) == ("train_step", "blank")
    assert finding.line


def test_an_ellipsis_in_an_index_is_no_blank(check: Check) -> None:
    model = MODEL.replace("self.linear_1(x)", "self.linear_1(x[..., :784])")
    assert set(states(check(file_of(model=model))).values()) == {"right"}


@pytest.mark.slow
def test_an_assignment_that_trains_is_left_out(check: Check) -> None:
    history = "def train(model):\n    while True:\n        if 0:\n            train_step(model)\n"
    history += "\n\ndef pick():\n    return 1\n\n\nkept = pick()\n"
    found = check(file_of() + "\n\n" + history + "history = train(None)\n")
    assert set(states(found).values()) == {"right"}


@pytest.mark.slow
def test_a_download_outside_of_functions_gets_the_bundled_images(check: Check) -> None:
    openml = "from sklearn.datasets import fetch_openml\nimages, labels = "
    openml += "fetch_openml('mnist_784', return_X_y=True, as_frame=False)\n"
    step = STEP.replace("    logits", "    assert images.shape == (4000, 784)\n    logits", 1)
    assert set(states(check(file_of(step=openml + step))).values()) == {"right"}


@pytest.mark.slow
def test_slow_code_outside_of_functions_is_named(tmp_path: Path) -> None:
    path = tmp_path / "loop.py"
    path.write_text(file_of() + "\nslow = [None for _ in iter(int, 1)]\n")
    with Checker(seconds=1) as checker:
        found = checker.check(path)
    bad = [one for one in found if one.state != "right"]
    assert {one.blank for one in bad} == {"MLP", "train_step", "evaluate"}
    slow = "Code outside of functions takes too long"
    assert [one.message for one in bad if slow not in one.message] == []


def test_a_loop_that_is_not_guarded_is_left_out(check: Check) -> None:
    loop = "while True:\n    pass\nprint(train_step(1, 2, 3, 4))\n"
    found = check("\n\n".join([HEAD, *list(PIECES.values())[:4], loop]))
    assert set(states(found).values()) == {"right"}


def test_a_path_begins_in_the_folder_of_the_file(check: Check, tmp_path: Path) -> None:
    (tmp_path / "beside.txt").write_text("784")
    values = VALUES.replace("784", "int(open('beside.txt').read())")
    assert set(states(check(file_of(values=values))).values()) == {"right"}


def test_a_fault_of_the_check_is_not_called_the_students(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise KeyError("ours")

    monkeypatch.setattr(parts.step_check, "check_step", fail)
    (finding,) = parts.check_part(Source("/loop.py", file_of()), "train_step")
    assert finding.state == "error"
    assert finding.line is None
    assert "a fault of its own, which is none of yours (KeyError: 'ours')" in finding.message
