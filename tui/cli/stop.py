"""`mnistop stop` and `wait`: one run or sweep, several, or all that match a filter."""

from __future__ import annotations

import queue
import signal
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import click

from mnistop.engine.errors import RunError
from mnistop.engine.filter_grammar import FilterError
from mnistop.engine.runs import lock
from mnistop.engine.runs.lookup import typed
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.selection import IN_TRAINING, Purpose, choose, choose_all
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.tui.cli.options import (
    EndNotice,
    several_argument,
    with_ending,
    with_output,
)
from mnistop.tui.cli.output import OutputClosedError, OutputError, Printer, print_error, print_note
from mnistop.tui.session.notification import Outcome
from mnistop.tui.text.run_lines import command_hints

_POLL_SECONDS = 0.05


@click.command()
@with_output()
@click.option("--all", "every", is_flag=True, help="Stop everything that is training.")
@several_argument
def stop(out: Printer, every: bool, words: tuple[str, ...]) -> int:
    """Stop runs and sweeps after their current step, and wait until they are saved.

    RUN names a run; FILTER selects the runs in training that match all filters: mnistop stop
    calm-otter "lr>0.1" stops calm-otter and those with a higher rate. mnistop resume undoes this.

    A stopped sweep starts no further runs; a sweep whose training runs all match is stopped, too.
    If some cannot be stopped, the others are, and the exit code is 1.
    """
    chosen = Selection(words, every, IN_TRAINING)
    if chosen.is_empty:
        out.print("Nothing is training." if every else _NONE_TRAINING)
        return 0
    signalled = chosen.try_each(chosen.found, _signal_stop)
    ends = {one: _print_stopped(out, one).state for one in signalled}
    stopped = [one for one, state in ends.items() if state == "stopped"]
    if resumable := [typed(one) for one in stopped if not _is_recorded(one)]:
        name = resumable[0] if len(resumable) == 1 else "RUN"
        out.print(command_hints({f"mnistop resume {name}": "resume it"}))
    code = chosen.exit_code(signalled)
    return code or int(not {"stopped", "finished"}.issuperset(ends.values()))


def _signal_stop(found: Run | Sweep) -> None:
    from mnistop.engine import worker

    if worker.is_suspended(found):
        print_note(
            f"The process of {found.full_name} is suspended (SIGSTOP): resumed so it can save."
        )
    worker.stop(found)


def _print_stopped(out: Printer, found: Run | Sweep) -> Outcome:
    """Wait until a run or a sweep has ended, and print how it did."""
    if isinstance(found, Run) and (sentence := _unanswered(found)):
        print_error(sentence)
        return Outcome(found.name, "running", None, sentence)
    _block_until_end(found)
    outcome = Outcome.of(found)
    late = outcome.state in ("finished", "failed")
    out.print(outcome.sentence + ", before it could be stopped" * late)
    return outcome


@click.command(
    epilog="""
\b
Examples:
  RUN=$(mnistop train --detach)
  mnistop wait $RUN && mnistop report $RUN
  mnistop wait state:running --notify 'mail -s "$MNISTOP_STATE" you@host'

\b
Exit codes: 0 all finished, 1 one failed or was interrupted, 130 one was
stopped, 2 wrong usage or bad input.
""",
)
@with_output()
@with_ending
@click.option("--all", "every", is_flag=True, help="Wait for everything that is training.")
@several_argument
def wait(out: Printer, ending: EndNotice, every: bool, words: tuple[str, ...]) -> int:
    """Wait until runs and sweeps have ended, and exit as they did.

    RUN names a run; FILTER selects the runs in training that match, as in mnistop stop. A paused
    run has not ended, nor has one that is resumed in the meantime.

    Ctrl+C stops the waiting with exit code 130, but no run. With --notify, the command is run for
    each run that ends, even if the terminal has been closed by then.
    """
    chosen = Selection(words, every, IN_TRAINING)
    if chosen.failures:
        return 2
    if chosen.is_empty:
        out.print("Nothing is training." if every else _NONE_TRAINING)
        return 0
    before = signal.getsignal(signal.SIGHUP)
    if ending.command:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        return _wait_for_all(out, ending, chosen.found)
    except KeyboardInterrupt:
        if going := [one.name for one in chosen.found if one.is_running()]:
            name = going[0] if len(going) == 1 else "RUN"
            goes = "keeps" if len(going) == 1 else "keep"
            print_note(f"{', '.join(going)} {goes} training; to stop: mnistop stop {name}")
        raise
    finally:
        signal.signal(signal.SIGHUP, before)


def _wait_for_all(out: Printer, ending: EndNotice, found: Sequence[Run | Sweep]) -> int:
    """Print the end of each when it comes; return the exit code."""
    ended: queue.SimpleQueue[Run | Sweep] = queue.SimpleQueue()

    def watch(one: Run | Sweep) -> None:
        _block_until_end(one)
        ended.put(one)

    if out.can_redraw and (going := [one.name for one in found if one.is_running()]):
        print_note(f"waiting for {', '.join(going)}; Ctrl+C stops waiting, not the training")
    for one in found:
        threading.Thread(target=watch, args=(one,), daemon=True).start()
    codes = []
    for _ in found:
        one = ended.get()
        outcome = Outcome.of(one)
        ending.send(one)
        with suppress(*([OutputClosedError, OutputError] if ending.command else [])):
            out.print(outcome.sentence)
        codes.append(outcome.exit_code)
    return next((code for code in (1, 130) if code in codes), 0)


def _is_recorded(found: Run | Sweep) -> bool:
    return isinstance(found, Run) and found.is_recorded()


def _unanswered(run: Run) -> str:
    """Wait for a recorded run's loop to comply; explain if it does not."""
    from mnistop.engine.process import control

    deadline = time.monotonic() + control.ANSWER_SECONDS
    while run.is_running() and run.request_path.exists():
        if time.monotonic() > deadline:
            return control.unanswered(run)
        time.sleep(_POLL_SECONDS)
    return ""


def _block_until_end(found: Run | Sweep) -> None:
    """Block on the lock, which the system releases however the training process ends."""
    while found.is_running():
        lock.wait(found.lock_path)


_NONE_TRAINING = "No run in training matches this filter."


class Selection:
    """The runs and sweeps that a command was given, and the errors with each; prints those.

    Args:
        words: names and filters.
        every: True for all runs, without words.
        purpose: the purpose of the command.

    Raises:
        UsageError: nothing is named, or something besides `--all`, or a filter is wrong.
    """

    def __init__(self, words: Sequence[str], every: bool, purpose: Purpose) -> None:
        if every and words:
            raise click.UsageError("--all already includes every run: give it alone, or name runs.")
        if not (every or words):
            raise click.UsageError("Name runs, or give a filter such as state:running, or --all.")
        try:
            chosen = choose_all(purpose) if every else choose(words, purpose)
        except FilterError as error:
            raise click.UsageError(str(error)) from None
        self.found, self.listed = chosen.found, chosen.listed
        self.failures = len(chosen.unknown)
        self.is_empty = not (chosen.found or chosen.unknown)
        self._is_wrong = len(chosen.unknown) == len(words) or len(words) == 1
        for sentence in chosen.unknown:
            print_error(sentence)

    def try_each(
        self, found: Iterable[Run | Sweep], action: Callable[[Run | Sweep], None]
    ) -> list[Run | Sweep]:
        """Return those with which the action succeeded; print an error for each other."""
        done = []
        for one in found:
            try:
                action(one)
            except RunError as error:
                print_error(str(error))
                self.failures += 1
            else:
                done.append(one)
        return done

    def exit_code(self, done: Sequence[Run | Sweep]) -> int:
        """Return 0 if all went well, 2 if the request as a whole was wrong, else 1."""
        if not self.failures:
            return 0
        return 2 if self._is_wrong and not (done or self.listed) else 1
