"""Learning rates: the range test, and runs at its marks laid over each other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widget import Widget

from engine import worker
from engine.config import RunConfig, as_text
from engine.data import absolute
from engine.errors import MnistopError
from engine.rates.range_test import RangeTest, range_test
from tui.controllers.three_rates import ThreeRates, train_at
from tui.feeds.latest_answer import LatestAnswer
from tui.feeds.progress_note import ProgressNote
from tui.keymap import declared
from tui.panes.compared import ComparedCharts
from tui.panes.rate_answers import RateAnswers
from tui.panes.rate_curve import RateCurve
from tui.panes.rate_marks import RateMarks
from tui.render.terminal import Terminal
from tui.screens.help import Section
from tui.screens.view import ViewScreen
from tui.state import State

_LOOK_SECONDS = 0.3
_PURPOSE = (
    "A fresh model with the form's settings takes one step at each of many learning rates, from "
    "far too low to far too high. Its curve and three marks will appear here: too low, good, too "
    "high. No run is made."
)
_HIGHEST_SHOWN = 2.0
"""Losses of the runs are shown up to so many times that of guessing."""


class RatesScreen(ViewScreen):
    """The curve of a range test with its marks, or runs that were trained at these.

    Args:
        terminal: what the terminal can show.
        config: tells what the form holds, None while a value in it is wrong.
    """

    DEFAULT_CSS = "RatesScreen Vertical { height: 1fr; }"

    NAME = "rates"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter",
            "take",
            "Take it",
            id="rates.take",
            tooltip="Take the rate at the cursor into the form",
        ),
        Binding(
            "r",
            "train",
            "Train all",
            id="rates.train",
            tooltip="Train a run at each mark, and compare their curves",
        ),
        Binding("s", "stop", "Stop", id="rates.stop", tooltip="Stop these runs; they save"),
        Binding(
            "x",
            "runs",
            "Curve or runs",
            id="rates.runs",
            tooltip="From the curve of the test to the runs at its marks, and back",
        ),
    ]

    def __init__(self, terminal: Terminal, config: Callable[[], RunConfig | None]) -> None:
        super().__init__(terminal)
        self._config = config
        self._curve = RateCurve(terminal)
        self._marks = RateMarks(terminal)
        self._charts = ComparedCharts(terminal)
        self._said = RateAnswers(terminal)
        self._test_body = Vertical(self._curve, self._marks)
        self._runs_body = Vertical(self._charts, self._said)
        self._answers = LatestAnswer(self, range_test, self._on_answer, at_leisure=True)
        self._note = ProgressNote()
        self._tested: RunConfig | None = None
        """What the test is of, its own learning rate apart."""
        self._test: RangeTest | None = None
        self._trouble = ""
        self._three: ThreeRates | None = None
        self._is_launching = False

    def panes(self) -> Iterable[Widget]:
        """The test, or the runs."""
        yield self._test_body
        yield self._runs_body

    def on_mount(self) -> None:
        """Starts with the test."""
        self._show_runs(False)
        self.every(1, self._tell_the_time)

    def _show_runs(self, runs: bool) -> None:
        self._test_body.display, self._runs_body.display = not runs, runs
        self.set_focus(self._charts if runs else self._curve)
        self.refresh_bindings()
        self.changed()

    # The test

    def on_screen_resume(self) -> None:
        """Tries again what has failed before, and follows the runs again."""
        if self._trouble:
            self._tested = None
        super().on_screen_resume()
        self._follow()

    def redraw(self) -> None:
        """Asks for the test of what the form holds, and draws what is in sight."""
        if self._runs_body.display and self._three:
            self._charts.show(self._three)
            self._said.show(self._three)
            return
        config = self._config()
        if config is None:
            self._tested, self._test = None, None
            self._answers.forget()
            self._show_test("A value in the form is wrong: press 1 and correct it.")
            return
        tested = replace(config, lr=RunConfig().lr, source=absolute(config.source))
        if tested != self._tested:
            self._tested, self._test, self._trouble = tested, None, ""
            self._note.start()
            self._answers.forget()
        if not self._trouble:
            self._answers.want(tested, self._note.path, key=tested)
        self._show_test(self._waiting())

    def _show_test(self, notice: str) -> None:
        self._curve.show(self._test, self._trouble or notice)
        self._marks.show(self._test)

    def _waiting(self) -> str:
        """What will be here, and what is being waited for."""
        said = self._note.read("just after the start PyTorch has to load first")
        return f"{_PURPOSE} Now: {said} ({self._note.seconds:.0f} s)."

    def _tell_the_time(self) -> None:
        if self.is_current and self._test is None and self._tested and not self._trouble:
            self._show_test(self._waiting())

    def _on_answer(self, answer: RangeTest | None, trouble: str) -> None:
        self._test, self._trouble = answer, trouble
        self._note.clear()
        self._show_test("")
        self.refresh_bindings()
        self.changed()

    def action_take(self) -> None:
        """Takes the rate at the cursor into the form."""
        self.post_message(self.RateTaken(as_text(float(f"{self._curve.rate:.3g}"))))

    # The runs

    def action_train(self) -> None:
        """Trains a run at each mark."""
        if self._tested and self._test:
            self._is_launching = True
            self.refresh_bindings()
            self.changed()
            self.run_worker(self._launch(self._tested, self._test), exit_on_error=False)

    async def _launch(self, config: RunConfig, test: RangeTest) -> None:
        try:
            self._three = await asyncio.to_thread(train_at, config, test.marks)
        except MnistopError as error:
            self.notify(str(error), severity="error", markup=False, timeout=15)
        else:
            self._charts.highest = _HIGHEST_SHOWN * test.start
            self._show_runs(True)
            self._follow()
        finally:
            self._is_launching = False
            self.refresh_bindings()
            self.changed()

    def _follow(self) -> None:
        if self._three and not self._three.is_over:
            self.keep_going(self._read, "three")

    async def _read(self) -> None:
        while self.is_current and self._three and not self._three.is_over:
            if await asyncio.to_thread(self._three.read):
                self.changed()
                self.refresh_bindings()
            await asyncio.sleep(_LOOK_SECONDS)

    def action_stop(self) -> None:
        """Asks the runs to stop and save."""
        if self._three:
            try:
                worker.stop_sweep(self._three.sweep)
            except MnistopError as error:
                self.notify(str(error), severity="error", markup=False)

    def action_runs(self) -> None:
        """To the runs, or back to the test."""
        self._show_runs(self._test_body.display)

    @on(ComparedCharts.Moved)
    def _on_moved(self, message: ComparedCharts.Moved) -> None:
        if self._three:
            self._three.move(message.by)
            self.changed()

    # Around both

    def draw_progress(self) -> None:
        """Says how to go on."""
        self._progress.show(State(), self._words())

    def _words(self) -> str:
        if self._is_launching:
            return "Checking the data and starting the runs"
        if self._runs_body.display:
            going = self._three is not None and not self._three.is_over
            return (
                "Training; s stops, Esc goes back to the range test, 6 lists all runs"
                if going
                else "x or Esc goes back to the range test, 6 lists all runs"
            )
        if self._test is None:
            return "Esc goes back"
        train = "; r trains a run at each mark" if self._test.marks else ""
        return f"Enter takes the rate at the cursor into the form{train}"

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leaves out what is not possible now."""
        over = self._three is None or self._three.is_over
        match action:
            case "take":
                return self._test is not None and bool(self._test_body.display)
            case "train":
                return bool(self._test and self._test.marks) and over and not self._is_launching
            case "stop":
                return not over
            case "runs":
                return self._three is not None
        return action not in ("epoch", "next_pane")

    def action_back(self) -> None:
        """From an epoch to the newest, from the runs to the test, then to where one came from."""
        if self._three and self._runs_body.display:
            if self._three.cursor is not None:
                self._three.cursor = None
                self.changed()
            else:
                self._show_runs(False)
        else:
            super().action_back()

    def sections(self) -> Sequence[Section]:
        """What each pane is for and its keys, for the help."""
        return [
            Section("Learning rates", RateCurve.EXPLANATION, declared(RateCurve, RatesScreen)),
            Section("Marks", RateMarks.EXPLANATION, []),
            Section("Runs at the marks", RateAnswers.EXPLANATION, []),
        ]
