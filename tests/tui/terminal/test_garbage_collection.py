"""Garbage goes at a time when nobody waits, but it goes."""

import subprocess
import sys

import pytest

from tests.helpers.small_runs import ROOT

pytestmark = pytest.mark.process


PROGRAM = """
import gc, weakref
from mnistop.tui.terminal import garbage_collection

class Knot:
    def __init__(self):
        self.itself = self

garbage_collection.put_off()
garbage_collection.go_on_between_keys()
knot = Knot()
left = weakref.ref(knot)
gc.collect(1)  # it is no young object any more
del knot
kept = [[] for _ in range(500_000)]
print(left() is None)
garbage_collection.collect()
print(left() is None)
"""


def test_old_garbage_is_left_until_nobody_presses_a_key() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "True"]
