"""The real `mnistop` command in a runs folder of its own."""

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pexpect

COMMAND = [sys.executable, "-m", "mnistop"]
SHORT = ("--epochs", "12", "--samples", "400", "--hidden", "16")
"""Flags of a run that takes an instant."""


def _as_in_a_new_terminal() -> None:
    """No signal is blocked or ignored, whatever the tests before have made of this process."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


@dataclass
class Place:
    """A runs folder, and the real command in it."""

    folder: Path

    @property
    def environ(self) -> dict[str, str]:
        own = {name: text for name, text in os.environ.items() if name not in ("COLUMNS", "LINES")}
        return own | {
            "MNISTOP_RUNS": str(self.folder),
            "MNISTOP_CACHE": str(self.folder / "cache"),
            "TERM": "xterm-256color",
            "PYTHONUTF8": "1",
            "NO_COLOR": "",
        }

    def run(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *words],
            env=self.environ | environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
        )

    def in_terminal(self, *words: str, width: int = 100, **environ: str) -> "pexpect.spawn[str]":
        return pexpect.spawn(
            COMMAND[0],
            [*COMMAND[1:], *words],
            env=self.environ | environ,
            dimensions=(40, width),
            encoding="utf-8",
            timeout=100,
            preexec_fn=_as_in_a_new_terminal,
        )

    def last_words(self, terminal: "pexpect.spawn[str]") -> str:
        """All that came after the last expectation, once the command has ended by itself."""
        terminal.expect(pexpect.EOF)
        terminal.wait()
        terminal.close()
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.before or "").replace("\r", "")

    def train_detached(self, *words: str) -> str:
        done = self.run("train", "--detach", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def state(self, name: str) -> dict[str, object]:
        listed = json.loads(self.run("runs", "--json").stdout)
        (found,) = [row for row in listed if row["name"] == name]
        return found

    def events(self, name: str) -> list[dict[str, object]]:
        lines = (self.folder / name / "events.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]


@dataclass
class Finished:
    place: Place
    done: subprocess.CompletedProcess[str]
    name: str


@dataclass
class Answer:
    code: int
    out: str
    err: str
