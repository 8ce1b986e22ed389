"""The end of a command's process."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.process


PROGRAM = """
import atexit
from mnistop.tui.cli import entry

class Part:
    def __del__(self):
        print("taken apart")

def command(arguments):
    atexit.register(print, "closed")
    print("said", end=", ")
    return 3

part = Part()
entry.exit_code_of = command
entry.run()
"""


def test_all_is_written_and_closed_and_nothing_taken_apart():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (3, "said, closed\n", "")
