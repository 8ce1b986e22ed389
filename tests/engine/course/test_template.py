"""The script of the exercise, filled in."""

import sys

import pytest
import sklearn.datasets

from mnistop.engine.course.source import Source
from mnistop.engine.course.student import stand_ins
from mnistop.engine.course.template import TEMPLATE
from tests.engine.course.loops import EVALUATE, MODEL, STEP


def filled_in(epochs: int) -> str:
    """The script with its blanks filled in by a student."""
    text = TEMPLATE.format(name="loop.py")
    for name, value in (("input", 784), ("hidden", 32), ("num", 10)):
        tail = "classes" if name == "num" else "size"
        text = text.replace(f"{name}_{tail} = ...", f"{name}_{tail} = {value}")
    text = text.replace("learning_rate = ...", "learning_rate = 0.1")
    start, end = text.index("class MLP"), text.index("def load_images")
    pieces = "\n\n".join([MODEL, STEP, EVALUATE, ""])
    text = text[:start] + "from torch.nn import functional as F\n\n\n" + pieces + text[end:]
    return text.replace("epochs = 100", f"epochs = {epochs}")


def test_the_script_trains_where_mnistop_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sklearn.datasets  # which the script gets its images from then
    monkeypatch.setitem(sys.modules, "mnistop", None)
    source = Source("/loop.py", filled_in(epochs=2))
    with stand_ins(source):
        exec(compile(source.text, source.path, "exec"), {"__name__": "__main__"})
    assert "epoch   1  val loss 1." in capsys.readouterr().out
