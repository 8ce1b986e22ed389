"""Words are completed in real shells."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from mnistop.engine.config import RunConfig
from mnistop.engine.runs.run_folder import create
from tests.helpers.waiting import wait_until

pytestmark = pytest.mark.process


TAKE = "take() { printf '%s\\n' \"$@\" > words; mv words taken; }"
"""Has a shell write the words of a line to a file."""

SET_UP = {
    "bash": (
        ["bash", "--norc", "--noprofile", "-i"],
        'eval "$(mnistop --completion bash)"; bind "set bell-style none"',
    ),
    "zsh": (
        ["zsh", "-f", "-i"],
        'autoload -Uz compinit; compinit -D -u; bindkey -e; eval "$(mnistop --completion zsh)"',
    ),
}
LINES = {
    "mnistop sw": "mnistop sweep",
    "mnistop train --earl": "mnistop train --early-stopping",
    "mnistop train --optimizer ma": "mnistop train --optimizer manual",
    "mnistop train --hidden '256 ": "mnistop train --hidden 256 128",
    "mnistop runs state:sto": "mnistop runs state:stopped",
    "mnistop runs lr:0.1 stat": "mnistop runs lr:0.1 state:",
    "mnistop runs val_a": "mnistop runs val_acc>",
    "mnistop show qui": "mnistop show quiet-otter",
    "mnistop show 2026": "mnistop show 20260101-120000-quiet-otter",
    "mnistop train --config conf": "mnistop train --config config.json",
}
"""What a line becomes by Tab, as the words that the command gets."""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A home with a run and a file, and the command under its name."""
    command = tmp_path / "bin" / "mnistop"
    command.parent.mkdir()
    python = shlex.quote(sys.executable)
    command.write_text(f'#!/bin/sh\nexec {python} -m mnistop "$@"')
    command.chmod(0o755)
    _, lock = create(RunConfig(), _made(tmp_path / "runs"), "20260101-120000-quiet-otter")
    lock.close()
    (tmp_path / "config.json").touch()
    own = {name: text for name, text in os.environ.items() if name not in ("COLUMNS", "LINES")}
    return own | {
        "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "MNISTOP_RUNS": str(tmp_path / "runs"),
        "TERM": "vt100",
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_DATA_HOME": str(tmp_path / "data"),
    }


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def needs(shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")


@pytest.mark.pty
@pytest.mark.parametrize("shell", SET_UP)
def test_tab_completes_commands_flags_values_runs_filters_and_files(
    shell: str, environ: dict[str, str], tmp_path: Path
) -> None:
    needs(shell)
    (command, *arguments), set_up = SET_UP[shell]
    terminal = pexpect.spawn(
        command,
        arguments,
        env=environ,
        cwd=str(tmp_path),
        encoding="utf-8",
        timeout=60,
        dimensions=(40, 200),
    )
    taken = tmp_path / "taken"
    terminal.sendline(f"{set_up}; {TAKE}; PS1=rea''dy-")
    for typed, expected in LINES.items():
        terminal.expect_exact("ready-")
        terminal.send(f"{typed}\t\x01take \x05\r")
        wait_until(taken.exists, 30)
        assert taken.read_text().splitlines() == expected.split(" ", 3), typed
        taken.unlink()
    terminal.close()


def test_fish_completes_the_same_lines(environ: dict[str, str], tmp_path: Path) -> None:
    needs("fish")
    for typed, expected in LINES.items():
        code = f"mnistop --completion fish | source; complete -C {shlex.quote(typed)}"
        done = subprocess.run(
            ["fish", "--no-config", "-c", code],
            env=environ,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        found = [line.partition("\t")[0] for line in done.stdout.splitlines()]
        before = typed.partition("'")[0] if "'" in typed else typed.rpartition(" ")[0] + " "
        wanted = expected.removeprefix(before).replace("\\", "")
        assert wanted in [word.replace("\\", "") for word in found], done.stderr


def test_the_help_says_how_and_an_unknown_shell_is_refused(environ: dict[str, str]) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["mnistop", *words], env=environ, capture_output=True, text=True)

    said = run("--help").stdout
    for shell in ("bash", "zsh", "fish"):
        assert f"mnistop --completion {shell}" in said
        assert run("--completion", shell).returncode == 0
    refused = run("--completion", "tcsh")
    assert refused.returncode == 2
    assert "tcsh" in refused.stderr


def test_a_name_that_cannot_be_typed_is_not_offered(
    environ: dict[str, str], tmp_path: Path
) -> None:
    _, lock = create(RunConfig(), tmp_path / "runs", "20260101-120001-odd\nplain,rm")
    lock.close()
    asked = {"_MNISTOP_COMPLETE": "bash_complete", "COMP_WORDS": "mnistop show "}
    done = subprocess.run(["mnistop"], env=environ | asked, capture_output=True, text=True)
    assert done.returncode == 0
    words = [line.partition("\t")[0] for line in done.stdout.splitlines() if line]
    assert words == ["plain,last", "plain,20260101-120000-quiet-otter"]
