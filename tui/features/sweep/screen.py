"""A sweep: the results of all combinations side by side, while it goes on and after."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Iterable, Sequence

from textual import on
from textual.widget import Widget

from mnistop.engine import worker
from mnistop.engine.formatting import count
from mnistop.engine.runs.entry import Overview, RunEntry
from mnistop.engine.runs.history import History
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.sweep.form import SweepForm
from mnistop.tui.features.sweep.form_screen import SweepFormScreen
from mnistop.tui.features.sweep.model import SweepAttack, SweepModel
from mnistop.tui.features.sweep.table import SweepFacts, SweepTable
from mnistop.tui.session.compared import ComparedCharts
from mnistop.tui.session.run_screen import ScreenWanted
from mnistop.tui.session.view import SeveralPanes
from mnistop.tui.text.sweep_table import conclusion, table
from mnistop.tui.toolkit.background import BackgroundTasks, write_text
from mnistop.tui.toolkit.bindings import bindings, declared, hidden, key
from mnistop.tui.toolkit.dialogs import Section
from mnistop.tui.toolkit.list_pane import ListPane

_LOOK_SECONDS = 0.5
_LOOKS_AT_ALL = 20
"""The sweeps are listed again in each twentieth round."""
_BESIDE_CURVES, _LEAST_CURVES = 11, 9
"""Lines that all else takes besides the rows, and the least lines of the curves."""
_LIVE = ("starting", "running")


class SweepScreen(SeveralPanes):
    """The rows of a sweep on one scale.

    Args:
        terminal: what the terminal can show.
    """

    NAME = "runs"

    BINDINGS = bindings(
        "sweep",
        key("curves", "c", "curves", "Curves", "Compare its runs' curves, of eight rows at most"),
        key("order", "o", "order", "Order", "As planned, or the best ones first"),
        key("scale", "y", "near", "Scale", "The whole scale, or only that of the best ones"),
        key("attack", "a", "attack", "Attack", "Measure the accuracy of all runs under attack"),
        key("stop", "s", "stop", "Stop", "Stop the sweep; its runs save"),
        key("resume", "R", "resume", "Resume", "Resume the sweep where it stopped"),
        key("delete", "d", "delete", "Delete", "Delete the sweep with all its runs, after asking"),
        key("runs", "m", "members", "Its runs", "List this sweep's runs, to mark, name or resume"),
        key("new", "S", "new", "New sweep", "Train every combination of some other values"),
        key("before", "p", "sweep(-1)", "Other sweeps", "Older", "n/p"),
        hidden("after", "n", "sweep(1)", "Newer", "The next sweep"),
        hidden("write", "w", "write", "Write", "Write the table to a text file in this folder"),
    )

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal)
        self._model = SweepModel()
        self._table = SweepTable(terminal, self._model)
        self._charts = ComparedCharts(terminal)
        self._facts = SweepFacts(terminal, self._model)
        self._attack = SweepAttack(self, self._model, self.changed)
        self._wake = asyncio.Event()
        self._attempts = BackgroundTasks(self, terminal, self._wake.set)
        self._wanted: Sweep | None = None
        """The sweep to be shown next."""
        self.is_reading = True
        """True while the wanted sweep is not known yet."""

    def panes(self) -> Iterable[Widget]:
        """The rows, their curves where these have room, and what stands out."""
        yield self._table
        yield self._charts
        yield self._facts

    def on_mount(self) -> None:
        """Start in the table."""
        self.set_focus(self._table)

    def enter(self, about: Sweep | None) -> None:
        """Show a sweep; None for the one before, or the newest."""
        self._wanted = about or self._wanted
        self.is_reading = True
        self._wake.set()

    def on_screen_resume(self) -> None:
        """Follow the sweep until another screen is shown."""
        self._wake.set()
        self.keep_going(self._follow, "sweep")

    async def _follow(self) -> None:
        looks = 0
        while self.is_current:
            wanted, self._wanted = self._wanted, None
            if looks % _LOOKS_AT_ALL == 0 or self._wake.is_set():
                self._wake.clear()
                await asyncio.to_thread(self._model.look, wanted)
                self.is_reading = self._wanted is not None
                self.changed()
            if await asyncio.to_thread(self._model.read):
                self.changed()
            if self._model.wants_attack:
                self._attack.start()
            looks += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _LOOK_SECONDS)

    def redraw(self) -> None:
        """Update the visible panes."""
        self._fit()
        self._table.redraw()
        self._charts.show(self._model.curves)
        reader = self._model.reader
        self._facts.show(self._attack.status or (reader.problem if reader else ""))
        self.refresh_bindings()

    def on_resize(self) -> None:
        """Size the curves to the remaining room."""
        self._fit()

    def _fit(self) -> None:
        rows = len(self._model.groups)
        room = self.size.height - rows - _BESIDE_CURVES
        shown = bool(self._model.curves.runs) and room >= _LEAST_CURVES
        self._charts.display = self._table.with_letters = shown
        self._table.styles.height = rows + 2 if shown else "1fr"

    def hint(self) -> str:
        """Return what can be done next."""
        words = "Enter opens a run on the dashboard, c compares curves, Esc goes back"
        if self._charts.display:
            words = "Enter opens a run on the dashboard, Tab goes to the curves, Esc goes back"
        if not self._model.groups:
            words = "Esc goes back"
        elif self._state in _LIVE:
            words = f"It runs in the background; s stops it. {words}"
        elif self._state != "finished":
            words = f"R resumes it. {words}"
        return words

    @property
    def _state(self) -> str:
        return self._model.reader.state if self._model.reader else ""

    # Going about

    @on(ComparedCharts.Moved)
    def _on_epoch_moved(self, message: ComparedCharts.Moved) -> None:
        self._model.curves.move(message.by)
        self.changed()

    @on(ListPane.Moved)
    def _on_moved(self) -> None:
        self.changed()

    @on(ListPane.Opened)
    def _on_opened(self) -> None:
        chosen = self._model.chosen
        if chosen and (run := self._model.run_of(chosen)):
            self.post_message(self.OpenWanted(run))

    def action_order(self) -> None:
        """Sort by something else."""
        self._model.next_order()
        self.changed()

    def action_near(self) -> None:
        """Switch between the whole scale and that of the best."""
        near = self._table.near = not self._table.near
        self.notify(f"The scale shows {'the best rows only' if near else 'all rows'}.")
        self.changed()

    def action_sweep(self, by: int) -> None:
        """Go to the next sweep or the one before."""
        self.enter(self._model.neighbour(by))

    def action_curves(self) -> None:
        """Overlay the curves of some rows."""
        if len(runs := self._model.to_compare()) < 2:
            return
        left_out = [run.words for run in self._model.begun if run not in runs]
        if left_out:
            self.notify(
                f"{count(len(runs), 'curve')} around the cursor, as many as can be drawn; "
                f"left out: {', '.join(left_out)}.",
                markup=False,
                timeout=10,
            )
        self.post_message(ScreenWanted("compare", ([_listed(run) for run in runs], left_out)))

    def action_members(self) -> None:
        """List the runs of this sweep."""
        if reader := self._model.reader:
            self.post_message(ScreenWanted("runs", f"sweep:{reader.sweep.name}"))

    def action_new(self) -> None:
        """Ask for the values of another sweep, and start it."""
        reader = self._model.reader
        outcomes = reader.outcomes if reader else []
        known = [(one.config, one.seconds) for one in outcomes if one.state == "finished"]
        self.post_message(self.NewSweepWanted(known, self._attempts))

    # What becomes of it

    def action_stop(self) -> None:
        """Ask the sweep to stop and save."""
        if reader := self._model.reader:
            self._attempts.do(lambda: worker.stop(reader.sweep))

    def action_resume(self) -> None:
        """Resume the sweep; on a cluster after asking, as its address may be a stranger's."""
        if (reader := self._model.reader) is None:
            return
        if reader.dask:
            question = f"Continue on the Dask cluster at {reader.dask}, which you know and trust?"
            resume = functools.partial(worker.resume_sweep, reader.sweep, reader.dask)
            self._attempts.resume(resume, question)
        else:
            self._attempts.resume(lambda: worker.resume_sweep(reader.sweep))
            self.notify(f"Resuming sweep {reader.sweep.words}", markup=False)

    def action_delete(self) -> None:
        """Delete the sweep after asking."""
        if reader := self._model.reader:
            runs = count(len(self._model.begun), "run")
            question = f"Delete sweep {reader.sweep.words} with its {runs}?"
            self._attempts.ask(question, reader.sweep.delete)

    def action_attack(self) -> None:
        """Measure all runs under attack, one after the other."""
        self._attack.start()

    def action_write(self) -> None:
        """Write the table to a file."""
        if reader := self._model.reader:
            groups, epsilon = self._model.groups, self._model.epsilon
            text = "\n".join([*table(groups, epsilon), "", conclusion(groups, epsilon)])
            write_text(self, f"mnistop-{reader.sweep.name}.txt", text)

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Return the reason why an action is impossible now."""
        groups, state = self._model.groups, self._state
        begun = len(self._model.begun)
        match action:
            case "members" | "order" | "write" | "curves" if not groups:
                return "There is no sweep yet: S sets one up."
            case "stop" | "resume" | "delete" | "attack" if not state:
                return "There is no sweep yet: S sets one up."
            case "near" if not self._table.has_scale:
                return "There is no scale: the terminal is too narrow, or no run has ended yet."
            case "members" if not begun:
                return "None of its runs has begun yet."
            case "curves" if begun < 2:
                return "Curves can be laid over each other once two of its runs have begun."
            case "attack" if not self._attack.is_possible:
                return self._attack.status or "No run has ended whose accuracy is not known yet."
            case "stop" if state not in _LIVE:
                return f"The sweep is not running: it is {state}."
            case "resume" if state in _LIVE:
                return "The sweep is in training already."
            case "resume" if state not in ("stopped", "interrupted"):
                return f"The sweep is {state}: nothing is left to resume."
            case "delete" if state in _LIVE:
                return "The sweep is running: s stops it, then d deletes it."
            case "next_pane" if not self._charts.display:
                return "The rows are the only pane here: curves stand below where there is room."
            case "sweep" if not any(self._model.neighbour(by) for by in (1, -1)):
                return "There is no other sweep."
        return super().why_not(action, parameters)

    def sections(self) -> Sequence[Section]:
        """Return each pane's purpose and keys, for the help."""
        return [
            Section("Sweep", SweepTable.EXPLANATION, declared(type(self))),
            Section("Its curves", ComparedCharts.EXPLANATION, declared(ComparedCharts)),
            Section("A new sweep", SweepForm.EXPLANATION, declared(SweepFormScreen)),
        ]


def _listed(run: Run) -> RunEntry:
    return RunEntry(run, Overview.of_run(run, run.config(), History()), "finished")
