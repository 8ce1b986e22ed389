"""The chosen run: its details, and what can be done with it, from stopping to a report."""

from __future__ import annotations

import asyncio
import os
import shlex
import time
from collections.abc import Callable, Iterable, Sequence

from mnistop.engine import worker
from mnistop.engine.formatting import count, duration, epochs_of, loss
from mnistop.engine.runs.entry import LONGEST_NAME, LONGEST_NOTE, About, RunEntry, write_about
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Strip
from mnistop.tui.session.compared import in_words
from mnistop.tui.session.notification import clipboard_terms
from mnistop.tui.session.run_list import RunListModel
from mnistop.tui.session.session import resume
from mnistop.tui.session.view import SeveralPanes, write_report
from mnistop.tui.text.run_lines import suspension
from mnistop.tui.text.run_table import best_epoch, test_accuracy, validation_accuracy
from mnistop.tui.toolkit.background import BackgroundTasks
from mnistop.tui.toolkit.bindings import bindings, hidden, key
from mnistop.tui.toolkit.dialogs import AskTextScreen
from mnistop.tui.toolkit.pane import ContentPane

NONE_LISTED = "No run is listed here."
NONE_MARKED = "No run is marked: Space marks one."


class RunActions(SeveralPanes):
    """A screen on which a run is chosen, and others may be marked.

    Args:
        terminal: what the terminal can show.
    """

    BINDINGS = bindings(
        "runs",
        key("stop", "s", "stop", "Stop", "Stop this run; it saves"),
        key("resume", "R", "resume", "Resume", "Resume this run, or train a finished one on"),
        key("delete", "d", "delete", "Delete", "Delete this run, after asking"),
        hidden("delete_marked", "D", "delete_marked", "Delete marked", "Delete them, after asking"),
        key("name", "t", "name", "Name", "Give this run a name of your own"),
        key("note", "m", "note", "Note", "Keep a note with this run"),
        hidden("copy_command", "Y", "copy(True)", "Copy command", "Copy mnistop show and its name"),
        hidden("write", "w", "write", "Write", "Write a report of this run, or of the marked ones"),
    )

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal)
        self.model = RunListModel()
        self.wake = asyncio.Event()
        """Set to have all runs read again at once."""
        self.attempts = BackgroundTasks(self, terminal, self.wake.set)

    @property
    def chosen(self) -> RunEntry | None:
        """The run at the cursor."""
        return self.model.chosen

    @property
    def marked(self) -> Sequence[RunEntry]:
        """The marked runs, in the order of marking."""
        return [run for run in map(self.model.listed, self.model.marked) if run]

    def action_stop(self) -> None:
        """Ask the chosen run to stop and save."""
        if chosen := self.chosen:
            self.attempts.do(lambda: worker.stop(chosen.run))

    def action_resume(self) -> None:
        """Resume the chosen run."""
        if chosen := self.chosen:
            epochs = chosen.overview.epochs
            how = (self.terminal, chosen.run, chosen.title, chosen.state, epochs)
            resume(self.attempts, *how)

    def action_delete(self) -> None:
        """Delete the chosen run, after a question."""
        if chosen := self.chosen:
            trained = count(chosen.overview.epochs, "epoch")
            question = f"Delete {chosen.title} ({chosen.state}, {trained})?"
            self.attempts.ask(question, lambda: _delete([chosen]))

    def action_delete_marked(self) -> None:
        """Delete the marked runs, after a question."""
        marked = self.marked
        names = ", ".join(run.title for run in marked)
        question = f"Delete {count(len(marked), 'marked run')}: {names}?"
        self.attempts.ask(question, lambda: _delete(marked))

    def action_copy(self, as_command: bool) -> None:
        """Copy the chosen run's name to the terminal's clipboard, or a command with it."""
        if chosen := self.chosen:
            name = chosen.run.name
            text = f"mnistop show {shlex.quote(name)}" if as_command else name
            self.app.copy_to_clipboard(text)
            self.notify(f"Copied {text} ({clipboard_terms(os.environ)}).", markup=False)

    def action_write(self) -> None:
        """Write a report of the marked runs, or else of the chosen one."""
        if chosen := self.chosen:
            reported = self.marked if len(self.marked) > 1 else [chosen]
            runs = [one.run for one in reported]
            write_report(self, runs)

    def action_name(self) -> None:
        """Ask for a name for the chosen run."""
        if chosen := self.chosen:
            about = chosen.overview.about
            self._ask_about(
                chosen, "Name:", about.name, LONGEST_NAME, lambda text: About(text, about.note)
            )

    def action_note(self) -> None:
        """Ask for a note on the chosen run."""
        if chosen := self.chosen:
            about = chosen.overview.about
            self._ask_about(
                chosen, "Note:", about.note, LONGEST_NOTE, lambda text: About(about.name, text)
            )

    def _ask_about(
        self, chosen: RunEntry, label: str, text: str, longest: int, about: Callable[[str], About]
    ) -> None:
        def answer(typed: str | None) -> None:
            if typed is not None:
                self.attempts.do(lambda: write_about(chosen.run, about(typed)))

        self.app.push_screen(AskTextScreen(self.terminal, label, text, longest), answer)

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Return the reason why an action is impossible now."""
        if action == "delete_marked" and not self.marked:
            return NONE_MARKED
        if action not in ("name", "note", "stop", "resume", "delete", "copy", "write"):
            return super().why_not(action, parameters)
        if (chosen := self.chosen) is None:
            return NONE_LISTED
        match action:
            case "stop" if not chosen.is_live:
                return f"{chosen.title} is not being trained: it is {chosen.state}."
            case "resume" if not chosen.is_suspended:
                return _why_not_resumed(chosen)
            case "copy" if not clipboard_terms(os.environ):
                return f"This terminal has no clipboard for programs. {chosen.run.name}"
            case "delete" if chosen.is_live:
                return f"{chosen.title} is being trained: s stops it, then d deletes it."
        return ""


def _why_not_resumed(chosen: RunEntry) -> str:
    """Return the reason why a run cannot be resumed; empty if it can."""
    match chosen.state:
        case "failed" if chosen.overview.diverged:
            return f"{chosen.title} diverged, and would again. {chosen.overview.message}".rstrip()
        case "starting" | "running":
            return f"{chosen.title} is in training already: Enter shows it on the dashboard."
    return ""


def _delete(runs: Iterable[RunEntry]) -> None:
    for run in runs:
        run.run.delete()


class RunDetail(ContentPane[RunEntry]):
    """A few lines on one run; the status is a sentence on its damaged log."""

    DEFAULT_CSS = "RunDetail { height: 5; }"

    EMPTY_TITLE = "The chosen run"

    def heading(self, content: RunEntry) -> str:
        """The run's full name, and the user's."""
        own = content.overview.about.name
        return f"{content.run.name}, named {own}" if own else content.run.name

    def draw(self, content: RunEntry, width: int, height: int) -> list[Strip]:
        """Problems, note, results, start and settings."""
        overview = content.overview
        paragraphs = [
            self.status,
            suspension(content.run) if content.is_suspended else "",
            f"Note: {overview.about.note}" if overview.about.note else "",
            f"Failed: {overview.message}" if overview.message else "",
            _results(content),
            f"Settings: {in_words(overview.changes)}.",
        ]
        lines = [strip for text in paragraphs if text for strip in self.say(text, width)]
        return lines[:height]


def _results(run: RunEntry) -> str:
    found = run.overview
    words = f"{epochs_of(found.epochs, found.planned).capitalize()} in {duration(found.seconds)}."
    if found.best_train_loss is not None and found.best_val_loss is not None:
        test = ""
        if found.test_acc is not None and found.test_images:
            test = f"test {test_accuracy(run)} on {found.test_images:,}"
        if test and found.script:
            words += f" Final weights: {test} test images."
        words += f" Best epoch {best_epoch(run)}:"
        if test and not found.script:
            words += f" {test} unseen images,"
        words += (
            f" val {validation_accuracy(run)}, loss {loss(found.best_train_loss)} in "
            f"training, {loss(found.best_val_loss)} in validation."
        )
    if found.started is not None:
        words += time.strftime(" Started %Y-%m-%d %H:%M:%S.", time.localtime(found.started))
    return words
