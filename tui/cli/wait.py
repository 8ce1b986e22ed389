"""`mnistop wait`: blocks until runs have ended, for scripts and for people."""

from __future__ import annotations

import queue
import signal
import threading
from collections.abc import Sequence
from contextlib import suppress

import click

from mnistop.engine.runs import lock
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.several import IN_TRAINING
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.tui.cli.arguments import Ending, several_argument, with_ending
from mnistop.tui.cli.output import (
    Output,
    OutputClosedError,
    OutputError,
    complain,
    remark,
    with_output,
)
from mnistop.tui.cli.runs import chosen_by
from mnistop.tui.session.notification import Outcome


@click.command(
    epilog="""
\b
Examples:
  RUN=$(mnistop train --detach)
  mnistop wait $RUN && mnistop report $RUN
  mnistop wait state:running --notify 'mail -s "$MNISTOP_STATE" you@host'

\b
Exit codes: 0 all finished, 1 one failed or was interrupted, 130 one was
stopped, 2 wrong use or bad input.
""",
)
@with_output
@with_ending
@click.option("--all", "every", is_flag=True, help="Wait for all that is in training.")
@several_argument
def wait(out: Output, ending: Ending, every: bool, words: tuple[str, ...]) -> int:
    """Wait until runs and sweeps have ended, and exit as they did.

    RUN names one, FILTER takes all in training that pass it, as in mnistop stop. What has ended
    already is not waited for. One that is paused is, and so is one that is resumed meanwhile.

    Ctrl+C ends the waiting, with exit code 130, and no run. With --notify the command is run for
    each that ends, also when the terminal has gone away meanwhile.
    """
    chosen = chosen_by(words, every, IN_TRAINING)
    for sentence in chosen.unknown:
        complain(sentence)
    if chosen.unknown:
        return 2
    if not chosen.found:
        out.print("Nothing is in training." if every else "No run in training passes this filter.")
        return 0
    before = signal.getsignal(signal.SIGHUP)
    if ending.command:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        return _wait_for_all(out, ending, chosen.found)
    except KeyboardInterrupt:
        going = [one.name for one in chosen.found if one.is_running()]
        if going:
            name = going[0] if len(going) == 1 else "RUN"
            remark(f"{', '.join(going)} goes on; this stops it: mnistop stop {name}")
        raise
    finally:
        signal.signal(signal.SIGHUP, before)


def _wait_for_all(out: Output, ending: Ending, found: Sequence[Run | Sweep]) -> int:
    """Tell how each has ended when it has; return the exit code.

    A thread each blocks on its lock, which the system hands out when the training process has
    ended, however it did: nothing is looked at again and again.
    """
    ended: queue.SimpleQueue[Run | Sweep] = queue.SimpleQueue()

    def watch(one: Run | Sweep) -> None:
        while one.is_running():
            lock.wait(one.lock_path)
        ended.put(one)

    if out.can_redraw and (going := [one.name for one in found if one.is_running()]):
        remark(f"waiting for {', '.join(going)}; Ctrl+C leaves what trains")
    for one in found:
        threading.Thread(target=watch, args=(one,), daemon=True).start()
    codes = []
    for _ in found:
        one = ended.get()
        outcome = Outcome.of(one)
        ending.reached(one)
        with suppress(*([OutputClosedError, OutputError] if ending.command else [])):
            out.print(outcome.sentence)
        codes.append(outcome.exit_code)
    return next((code for code in (1, 130) if code in codes), 0)
