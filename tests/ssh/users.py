"""Ordinary users of the machine, each a process with a user of its own and no privilege."""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_READING = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
"""To load Python where it is installed for root alone, as below `/root`; then it is dropped."""

_MAIN = """
import ctypes, importlib
import mnistop.tui.cli, mnistop.tui.cli.entry
import mnistop.engine.runs.lookup, mnistop.engine.report.of_runs, mnistop.engine.runs.sharing
import mnistop.engine.runs.entry, mnistop.engine.sweep.outcomes
for name in ("report", "runs", "share", "show", "document", "train", "run_view", "attack"):
    importlib.import_module(f"mnistop.tui.cli.{name}")
import _strptime, difflib, encodings.ascii, mnistop.engine.worker, traceback
libc = ctypes.CDLL(None)
libc.prctl(47, 4, 0, 0, 0)  # no ambient capabilities
libc.capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)())
mnistop.tui.cli.entry.run()
"""


@dataclass(frozen=True)
class User:
    """Somebody with a home folder that is closed to all others."""

    number: int
    home: Path
    prefix: tuple[str, ...]

    def run(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Runs `mnistop` to its end."""
        with self.start(*words, **environ) as process:
            out, err = process.communicate(timeout=100)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def start(self, *words: str, **environ: str) -> subprocess.Popen[str]:
        """Starts `mnistop`."""
        return self._popen([sys.executable, "-c", _MAIN, *words], environ)

    def shell(self, line: str) -> None:
        """Type a line as the user."""
        with self._popen(["sh", "-c", line], {}) as process:
            _, err = process.communicate(timeout=100)
        assert process.returncode == 0, err

    def _popen(self, command: list[str], environ: dict[str, str]) -> subprocess.Popen[str]:
        root = str(Path(__file__).parents[2])
        gone = ("MNISTOP_RUNS", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
        inherited = {name: text for name, text in os.environ.items() if name not in gone}
        own = {"HOME": str(self.home), "PYTHONPATH": root, "PYTHONDONTWRITEBYTECODE": "1"}
        pipes: dict[str, Any] = {"stdin": -3, "stdout": -1, "stderr": -1}
        return subprocess.Popen(
            [*self.prefix, *command],
            env=inherited | own | {"PYTHONUTF8": "1"} | environ,
            cwd="/",
            text=True,
            **pipes,
        )


def user_with(place: Path, number: int) -> User:
    """A user with this number, and a home in a folder that all may enter; skips without root."""
    rights = _rights()
    prefix = ("setpriv", f"--reuid={number}", f"--regid={number}", "--clear-groups", *rights, "--")
    home = place / f"home-{number}"
    home.mkdir(mode=0o700)
    os.chown(home, number, number)
    return User(number, home, prefix)


@functools.cache
def _rights() -> tuple[str, ...]:
    """The rights that an ordinary user needs to start Python here."""
    for rights in (_READING, ()):
        prefix = ("setpriv", "--reuid=64001", "--regid=64001", "--clear-groups", *rights, "--")
        with contextlib.suppress(OSError):
            if User(64001, Path("/"), prefix).run("--help").returncode == 0:
                return rights
    pytest.skip("only root can become somebody else who can start the program")
