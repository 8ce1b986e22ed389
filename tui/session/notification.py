"""Report a person that a run or a sweep has come to its end: a command, a bell, a notification.

The command is the user's own line for the shell. What it is about reaches it beside that line, in
the environment, as `$1` to `$3` and on standard input, never as a part of it: whatever a run is
called, nothing of it is executed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from mnistop.engine.errors import RunError
from mnistop.engine.files import open_regular
from mnistop.engine.formatting import accuracy, count, epochs_of
from mnistop.engine.runs.entry import Summary
from mnistop.engine.runs.history import History, unseen_accuracy
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.sweep_folder import Sweep

COMMAND_SECONDS = 60.0
"""Seconds that a command may take."""

_OSC_9 = {
    "TERM": ("xterm-kitty", "xterm-ghostty", "wezterm", "foot", "foot-extra", "contour"),
    "TERM_PROGRAM": ("iTerm.app", "WezTerm", "ghostty", "rio"),
    "LC_TERMINAL": ("iTerm2",),
}
"""Names of terminals that show notifications; SSH passes on the first and
the last."""

_NO_TERMINAL = ("", "dumb", "unknown")


@dataclass(frozen=True)
class Outcome:
    """The end of a run or a sweep."""

    name: str
    state: str
    """`finished`, `stopped`, `failed` or `interrupted`."""
    accuracy: float | None
    """Of the best epoch's weights on images never seen, else in validation; of a sweep's runs the
    best. None before the first epoch."""
    sentence: str
    """All of it in a sentence."""

    @classmethod
    def of(cls, found: Run | Sweep) -> Outcome:
        """Read how a run or a sweep has ended."""
        try:
            return cls._of_sweep(found) if isinstance(found, Sweep) else cls._of_run(found)
        except RunError:
            return cls(
                found.name,
                "interrupted",
                None,
                f"{found.full_name} is gone: its folder was deleted or moved",
            )

    @classmethod
    def _of_run(cls, run: Run) -> Outcome:
        summary = Summary.of(run)
        history = summary.history
        trained = epochs_of(len(history.epochs), summary.planned)
        ended = "stopped and saved" if summary.state == "stopped" else summary.state
        words = f"run {run.name} {ended} after {trained}"
        best = history.best.val_acc if history.best else None
        found = best if history.test_acc is None else history.test_acc
        return cls(run.name, summary.state, found, words + _accuracy_in_words(history))

    @classmethod
    def _of_sweep(cls, sweep: Sweep) -> Outcome:
        from mnistop.engine.sweep.outcomes import SweepReader

        reader = SweepReader(sweep)
        reader.read()
        tested = [one.test_acc for one in reader.outcomes if one.test_acc is not None]
        validated = [one.best_val_acc for one in reader.outcomes if one.best_val_acc is not None]
        done = f"{reader.done:,} of {count(len(reader.outcomes), 'run')} done"
        best = max(tested or validated, default=None)
        ended = "stopped and saved" if reader.state == "stopped" else reader.state
        return cls(sweep.name, reader.state, best, f"sweep {sweep.name} {ended}, {done}")

    @property
    def exit_code(self) -> int:
        """The exit code of a command that waits: 0 finished, 130 stopped and saved, else 1."""
        return {"finished": 0, "stopped": 130}.get(self.state, 1)


def _accuracy_in_words(history: History) -> str:
    if tested := unseen_accuracy(history):
        return f", test accuracy {tested}"
    if not (history.best and history.started):
        return ""
    images = history.started.validation_images
    return f", best validation accuracy {accuracy(history.best.val_acc, images)}"


def run_command(command: str, outcome: Outcome, seconds: float = COMMAND_SECONDS) -> str:
    """Run the user's command for what has ended; what it prints goes to standard error.

    Args:
        command: a line for the shell, which is `/bin/sh` here.
        outcome: is handed over as `MNISTOP_RUN`, `MNISTOP_STATE`, `MNISTOP_ACCURACY` (a fraction,
            empty if there is none) and `MNISTOP_MESSAGE` in the environment; name, state and
            accuracy also as `$1 $2 $3`, the message also on standard input.
        seconds: how long it is waited for.

    Returns:
        What went wrong, as a sentence; empty if nothing did.
    """
    found = "" if outcome.accuracy is None else f"{outcome.accuracy:.4f}"
    about = {
        "MNISTOP_RUN": outcome.name,
        "MNISTOP_STATE": outcome.state,
        "MNISTOP_ACCURACY": found,
        "MNISTOP_MESSAGE": outcome.sentence,
    }
    words = ["/bin/sh", "-c", command, "mnistop", outcome.name, outcome.state, found]
    try:
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=2, env=os.environ | about)
        process.communicate(f"{outcome.sentence}\n".encode(), timeout=seconds)
    except subprocess.TimeoutExpired:
        return f"--notify is still running after {seconds:.0f} s and is left to itself: {command}"
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return f"--notify could not be run ({reason}): {command}"
    if process.returncode < 0:
        name = signal.Signals(-process.returncode).name
        return f"--notify was ended by {name}: {command}"
    if process.returncode:
        return f"--notify ended with exit code {process.returncode}: {command}"
    return ""


def leave_watcher(found: Run | Sweep, command: str) -> None:
    """Start a small process that waits for the end and then runs the command.

    It is `mnistop wait RUN --notify COMMAND` in a session of its own, so that it outlives this
    process and its terminal. What goes wrong with the command is added to the run's `log.txt`.
    """
    words = [sys.executable, "-P", "-m", "mnistop", "wait", found.name, "--notify", command]
    log: IO[bytes] | int = subprocess.DEVNULL
    with suppress(OSError):
        open_regular(found.log_path).close()
        log = open(found.log_path, "ab")  # noqa: SIM115
    try:
        subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=os.environ | {"MNISTOP_RUNS": str(found.path.parent)},
            start_new_session=True,
        )
    finally:
        if not isinstance(log, int):
            log.close()


def attention(sentence: str, environ: Mapping[str, str]) -> str:
    """Return the bytes for attention: a bell, and a notification where the terminal shows those.

    tmux and screen pass on the bell, and nothing of a notification.

    Args:
        sentence: what the notification says.
        environ: the environment, by which the terminal is known.
    """
    if environ.get("TERM", "dumb") in _NO_TERMINAL:
        return ""
    if _multiplexer(environ) or not any(
        environ.get(name) in known for name, known in _OSC_9.items()
    ):
        return "\a"
    return f"\x1b]9;{''.join(filter(str.isprintable, sentence))}\x1b\\\a"


def clipboard_terms(environ: Mapping[str, str]) -> str:
    """The condition on which a copy (OSC 52) reaches the clipboard; empty if there is none.

    Args:
        environ: the environment, by which the terminal is known.
    """
    kind = environ.get("TERM", "dumb")
    multiplexer = _multiplexer(environ)
    if kind in (*_NO_TERMINAL, "linux") or kind.startswith("vt") or multiplexer == "screen":
        return ""
    return "if tmux has set-clipboard on" if multiplexer else "if the terminal allows it"


def _multiplexer(environ: Mapping[str, str]) -> str:
    kind = environ.get("TERM", "")
    if "TMUX" in environ or kind.startswith("tmux"):
        return "tmux"
    return "screen" if "STY" in environ or kind.startswith("screen") else ""
