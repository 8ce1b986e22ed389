"""Learning rates: the range test, and runs at its marks laid over each other."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Iterable, Sequence

from textual import on
from textual.containers import Vertical
from textual.widget import Widget

from mnistop.engine import worker
from mnistop.engine.analysis.learning_rate_finder import RangeTest, range_test
from mnistop.engine.config import RunConfig
from mnistop.engine.hyperparameters import as_text
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.rates.model import RateComparison, test_settings, train_at
from mnistop.tui.features.rates.panes import RateAnswers, RateCurve, RateMarks
from mnistop.tui.session.compared import ComparedCharts
from mnistop.tui.session.view import WRONG_FORM, ViewScreen
from mnistop.tui.text.rates import rate_text, settings_text
from mnistop.tui.toolkit.background import BackgroundTasks, LatestAnswer
from mnistop.tui.toolkit.bindings import bindings, declared, key
from mnistop.tui.toolkit.dialogs import Section

_LOOK_SECONDS = 0.3
_PURPOSE = (
    "A fresh model with the form's settings ({settings}) takes one step at each of many learning "
    "rates, from far too low to far too high. Its curve and three marks will appear here: too low, "
    "good, too high. No run is made."
)
_OF_THE_FORM = "The form's model is tested here, not that of {run}, which another program trains."
_HIGHEST_SHOWN = 2.0
"""Losses of the runs are shown up to this multiple of the loss of guessing."""


class RatesScreen(ViewScreen):
    """The curve of a range test with its marks, or runs that were trained at these.

    Args:
        terminal: what the terminal can show.
    """

    DEFAULT_CSS = "RatesScreen Vertical { height: 1fr; }"

    NAME = "rates"

    BINDINGS = bindings(
        "rates",
        key("take", "enter", "take", "Take it", "Put this or the recommended rate in the form"),
        key("train", "r", "train", "Train all", "Train a run at each mark; compare their curves"),
        key("stop", "s", "stop", "Stop", "Stop these runs; they save"),
        key(
            "runs", "x", "runs", "Curve or runs", "The curve of the test, or the runs at its marks"
        ),
    )

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal)
        self._curve = RateCurve(terminal)
        self._marks = RateMarks(terminal)
        self._charts = ComparedCharts(terminal)
        self._results = RateAnswers(terminal)
        self._test_body = Vertical(self._curve, self._marks)
        self._runs_body = Vertical(self._charts, self._results)
        self._answers = LatestAnswer(self, range_test, self._on_answer, at_leisure=True)
        self._tested: RunConfig | None = None
        """The settings of the test, as `test_settings` has them."""
        self._runs: RateComparison | None = None
        self._is_launching = False
        self._tasks = BackgroundTasks(self, terminal, self._launched)

    def panes(self) -> Iterable[Widget]:
        """The test, or the runs."""
        yield self._test_body
        yield self._runs_body

    def on_mount(self) -> None:
        """Start with the test."""
        self._show_runs(False)
        self.every(1, self._tell_the_time)

    def _show_runs(self, runs: bool) -> None:
        self._test_body.display, self._runs_body.display = not runs, runs
        self.set_focus(self._charts if runs else self._curve)
        self.refresh_bindings()
        self.changed()

    # The test

    @property
    def _test(self) -> RangeTest | None:
        return self._answers.answer

    @property
    def _settings(self) -> RunConfig | None:
        """The settings of the form; None while a value in it is wrong."""
        config = self.form()
        return config and test_settings(config)

    @property
    def _current(self) -> RangeTest | None:
        """The test of the settings in the form; None while there is none."""
        return self._test if self._tested == self._settings else None

    @property
    def _runs_are_current(self) -> bool:
        """True if the runs have the settings of the form."""
        return self._runs is not None and self._runs.tested == self._settings

    def on_screen_resume(self) -> None:
        """Try again what has failed before, and follow the runs again.

        Runs of other settings than the form has by now give way to a test of these.
        """
        if self._answers.error:
            self._answers.ask_again()
        if self._runs_body.display and not self._runs_are_current:
            self._show_runs(False)
        self._follow()

    def redraw(self) -> None:
        """Ask for the test of the form's settings, and draw the visible panes."""
        if self._runs_body.display and self._runs:
            self._charts.show(self._runs)
            self._results.show(self._runs)
            return
        tested = self._settings
        if tested is None:
            self._tested = None
            self._answers.forget()
            self._show_test(WRONG_FORM)
            return
        if tested != self._tested:
            self._tested = tested
            self._answers.forget()
        self._answers.want(tested, self._answers.progress_file, key=tested)
        self._show_test(self._waiting())

    def _show_test(self, status: str) -> None:
        self._curve.show(self._test, self._answers.error or status)
        settings = settings_text(self._tested) if self._tested else ""
        conclusion = self._runs.conclusion if self._runs and self._runs_are_current else ""
        run, history = self.state.run, self.state.history
        if run and history.is_recorded:
            conclusion = f"{_OF_THE_FORM.format(run=run.words)} {conclusion}".strip()
        self._marks.settings, self._marks.conclusion = settings, conclusion
        self._marks.show(self._test)

    def _waiting(self) -> str:
        """Describe what will be here, and what is being waited for."""
        progress = self._answers.progress("just after the start PyTorch has to load first")
        purpose = _PURPOSE.format(settings=settings_text(self._tested)) if self._tested else ""
        return f"{purpose} Now: {progress} ({self._answers.seconds:.0f} s)."

    def _tell_the_time(self) -> None:
        if self.is_current and self._test is None and self._tested and not self._answers.error:
            self._show_test(self._waiting())

    def _on_answer(self) -> None:
        self._show_test("")
        self.refresh_bindings()
        self.changed()

    def action_take(self) -> None:
        """Enter the rate at the cursor in the form, or the one that the runs recommend."""
        if (rate := self._rate_to_take) is not None:
            self.post_message(self.RateTaken(as_text(float(f"{rate:.3g}"))))

    @property
    def _rate_to_take(self) -> float | None:
        """The rate for the form; None where there is none for its settings."""
        if self._test_body.display:
            return self._curve.rate if self._current else None
        if self._runs and self._runs.is_over and self._runs_are_current:
            return self._runs.next_rate
        return None

    # The runs

    def action_train(self) -> None:
        """Train a run at each mark."""
        if self._tested and self._current:
            self._is_launching = True
            self.refresh_bindings()
            self.changed()
            train = functools.partial(train_at, self._tested, self._current)
            self._tasks.do(train, self._show_new_runs)

    def _show_new_runs(self, runs: RateComparison) -> None:
        self._runs = runs
        self._charts.highest = _HIGHEST_SHOWN * runs.test.start
        self._show_runs(True)
        self._follow()

    def _launched(self) -> None:
        self._is_launching = False
        self.refresh_bindings()
        self.changed()

    def _follow(self) -> None:
        if self._runs and not self._runs.is_over:
            self.keep_going(self._read, "rates")

    async def _read(self) -> None:
        while self.is_current and self._runs and not self._runs.is_over:
            if await asyncio.to_thread(self._runs.read):
                self._go_to_recommended()
                self.changed()
                self.refresh_bindings()
            await asyncio.sleep(_LOOK_SECONDS)

    def _go_to_recommended(self) -> None:
        """Move the cursor of the test to the rate that its runs recommend in the end."""
        runs = self._runs
        if runs and runs.is_over and runs.test is self._test and runs.next_rate is not None:
            self._curve.choose(runs.next_rate)

    def action_stop(self) -> None:
        """Ask the runs to stop and save."""
        if runs := self._runs:
            self._tasks.do(
                lambda: worker.stop(runs.sweep),
                lambda _: self.notify("The runs at the marks save, and stop."),
            )

    def action_runs(self) -> None:
        """Go to the runs, or back to the test."""
        self._show_runs(self._test_body.display)

    @on(ComparedCharts.Moved)
    def _on_moved(self, message: ComparedCharts.Moved) -> None:
        if self._runs:
            self._runs.move(message.by)
            self.changed()

    # Around both

    def hint(self) -> str:
        """Return what can be done next, or what is being waited for."""
        if self._is_launching:
            return "Checking the data and starting the runs"
        going = self._runs is not None and not self._runs.is_over
        if self._runs_body.display:
            if not self._runs_are_current:
                return "Runs of other settings than the form has; x goes to the range test of these"
            if going:
                return "Training; s stops, Esc goes back to the range test, 6 lists all runs"
            rate = self._rate_to_take
            take = f"Enter puts {rate_text(rate)} in the form; " if rate is not None else ""
            return f"{take}x or Esc goes back to the range test, 6 lists all runs"
        if self._test is None:
            return (
                "r and Enter wait for the test; Esc goes back" if self._tested else "Esc goes back"
            )
        take = "Enter puts the rate at the cursor in the form"
        if going:
            return f"{take}; x shows the runs that are being trained, s stops them"
        return f"{take}; r trains a run at each mark" if self._test.marks else take

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Return the reason why an action is impossible now."""
        over = self._runs is None or self._runs.is_over
        no_test = self._answers.error or "The range test has not ended yet: its curve comes first."
        match action:
            case "take" if self._tested is None:
                return WRONG_FORM
            case "take" if self._test_body.display and not self._current:
                return no_test
            case "take" if self._rate_to_take is None:
                return "These runs recommend no rate, or none yet: x goes to the curve of the test."
            case "train" if self._is_launching or not over:
                return "The runs at the marks are being trained: s stops them."
            case "train" if not (self._test_body.display or self._runs_are_current):
                return "These runs have other settings than the form: x goes to the test of these."
            case "train" if not self._current:
                return no_test
            case "train" if not (self._current and self._current.marks):
                return "The test has marked no rate to train at."
            case "stop" if over:
                return "No run at the marks is being trained."
            case "runs" if self._runs is None:
                return "No run has been trained at the marks yet: r trains one at each."
        return super().why_not(action, parameters)

    def action_back(self) -> None:
        """Return from an epoch to the newest, from the runs to the test, then back."""
        if self._runs and self._runs_body.display:
            if self._runs.cursor is not None:
                self._runs.cursor = None
                self.changed()
            else:
                self._show_runs(False)
        else:
            super().action_back()

    def sections(self) -> Sequence[Section]:
        """Return each pane's purpose and keys, for the help."""
        return [
            Section("Learning rates", RateCurve.EXPLANATION, declared(RateCurve, RatesScreen)),
            Section("Marks", RateMarks.EXPLANATION, []),
            Section("Runs at the marks", RateAnswers.EXPLANATION, []),
        ]
