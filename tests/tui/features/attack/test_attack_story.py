"""The attack screen in a real terminal, over real models: every key, every terminal, two runs."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from mnistop.engine import worker
from mnistop.engine.analysis.methods import METHODS
from mnistop.engine.config import RunConfig
from tests.helpers.pseudo_terminal import Terminal, terminal
from tests.helpers.waiting import wait_until

pytestmark = [pytest.mark.process, pytest.mark.pty, pytest.mark.slow]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an adversarially trained run and a plain one, the newer of the two."""
    folder = tmp_path_factory.mktemp("attacked")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MNISTOP_RUNS", str(folder / "mnistop_runs"))
        for strength in (0.1, 0.0):
            config = RunConfig(epochs=30, samples=300, hidden=(32,), adversarial_epsilon=strength)
            run = worker.launch(config)
            wait_until(lambda run=run: not run.is_running())
            # Names, and so their order, go by the second.
            wait_until(lambda run=run: not run.name.startswith(time.strftime("%Y%m%d-%H%M%S")))
    return folder


def epsilon(shown: Terminal) -> float:
    found = re.search(r"(?:FGSM|PGD) L\S+ (?:ε|eps) ([\d.]+)", shown.text)
    return float(found[1]) if found else float("nan")


def image(shown: Terminal) -> int:
    found = re.search(r"Image (\d+) \(", shown.text)
    return int(found[1]) if found else -1


def test_every_key_over_a_real_model(folder: Path) -> None:
    with terminal(folder, "--run", "last") as shown:
        shown.wait_for("Epoch log")
        shown.send("3")
        shown.wait_for("Image ")
        shown.wait_for("proven")
        assert {"█", "▓"} <= set(shown.text)
        shown.wait_for("any attack")

        first = image(shown)
        shown.send("0")
        shown.wait_for(lambda: epsilon(shown) == 0.125)
        shown.type(12 * "+")
        shown.wait_for(lambda: epsilon(shown) == 0.185)
        shown.send("m")
        shown.wait_for(lambda: epsilon(shown) < 0.125)
        shown.wait_for("is taken for")
        smallest = epsilon(shown)
        shown.send("-")
        shown.wait_for(lambda: epsilon(shown) < smallest and "✓ still" in shown.text)
        shown.send("t")
        shown.wait_for(" towards ")
        shown.wait_for("target reached from")
        shown.send("m")
        shown.wait_for(lambda: re.search(r"target \d reached", shown.text))
        shown.send("T")
        shown.wait_for(lambda: " towards " not in shown.text)
        for method in [*METHODS.values()][1:]:
            shown.send("x")
            shown.wait_for(f"{method.title} {method.norm_name}{',' if method.seeks else ' ε'}")
        shown.send("x")
        shown.wait_for("FGSM L∞")
        shown.send("n")
        shown.wait_for(lambda: image(shown) > first)
        shown.send("p")
        shown.wait_for(lambda: image(shown) == first)
        shown.wait_for(lambda: "so far" not in shown.text)
        shown.send("o")
        shown.wait_for("most fragile first")
        shown.send("o")
        shown.wait_for("/60 all")
        shown.send("[")
        shown.wait_for(lambda: re.search(r"ε [\d.]+, weights of epoch (?!29)\d+", shown.text))
        shown.send("]")
        shown.wait_for(lambda: re.search(r"ε [\d.]+, epoch 29", shown.text))

        shown.send("c")
        shown.wait_for("Compare accuracy against ε with")
        shown.wait_for("differs by")
        shown.wait_for("✓ finished")
        shown.send("enter")
        shown.wait_for("adversarial epsilon 0 ")
        shown.wait_for(lambda: len(re.findall(r"adversarial epsilon 0\.1", shown.text)) == 1)
        shown.wait_for(lambda: shown.text.count("proven ") >= 2)
        shown.send("c")
        shown.wait_for(lambda: "adversarial epsilon" not in shown.text)
        shown.send("q")
        assert shown.wait_for_end() == 0


def test_from_the_mistakes_and_the_pad_and_back(folder: Path) -> None:
    with terminal(folder, "--run", "last", size=(80, 24)) as shown:
        shown.wait_for("Loss and accuracy")
        shown.send("2")
        shown.wait_for("by confidence")
        shown.send("a")
        shown.wait_for("misclassified without any perturbation")
        shown.send("escape")
        shown.wait_for("by confidence")
        shown.send("e")
        shown.wait_for("Pen up")
        shown.send("space", "down", "down", "down", "down", "down", "space", "a")
        shown.wait_for("Your drawing")
        shown.wait_for("proven")
        shown.send("m")
        shown.wait_for("is taken for")
        for text in ("L∞ 0.", "safe below ε", "fooled from ε", "original: ", "adversarial: "):
            assert text in shown.text
        shown.send("escape")
        shown.wait_for("Pen up")
        shown.send("q")
        assert shown.wait_for_end() == 0


def test_in_ascii_without_colour_nothing_else_leaves_the_program(folder: Path) -> None:
    plain = {"TERM": "vt100", "NO_COLOR": "1"}
    with terminal(folder, "--run", "last", "--ascii", size=(80, 24), **plain) as shown:
        shown.wait_for("Loss and accuracy")
        shown.send("3")
        shown.wait_for("FGSM Linf eps 0.125")
        shown.wait_for("proven")
        shown.send("m")
        shown.wait_for("WRONG: ")
        for text in ("Smallest ", "Accuracy against eps (Linf)", "safe  fooled"):
            shown.send("tab")
            shown.wait_for(text)
        shown.send("c")
        shown.wait_for("Compare accuracy against eps with")
        shown.send("escape")
        shown.wait_until_gone("Compare accuracy")
        shown.send("?")
        shown.wait_for("mnistop trains a classifier")
        shown.send("escape")
        shown.wait_until_gone("mnistop trains a classifier")
        shown.send("q")
        assert shown.wait_for_end() == 0
        assert shown.written.isascii()
        colours = re.findall(
            rb"\x1b\[[\d;]*?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])[;\d]*m", shown.written
        )
        assert colours == []
