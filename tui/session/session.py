"""The run that the app shows: started, followed, paused and stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

from mnistop.engine import worker
from mnistop.engine.config import RunConfig
from mnistop.engine.errors import ConfigError, DataError, MnistopError, RunError
from mnistop.engine.events import Event
from mnistop.engine.process import control
from mnistop.engine.runs.recorded import RecordedConfig, planned_epochs
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.session import state as states
from mnistop.tui.session.state import State
from mnistop.tui.terminal import faults
from mnistop.tui.toolkit.background import BackgroundTasks
from mnistop.tui.toolkit.dialogs import AskTextScreen

if TYPE_CHECKING:
    from mnistop.engine.runs.predictions import PredictionReader


_RETRY_SECONDS = 1.0


@dataclass
class RunEvents(Message):
    """New events of a run."""

    run: Run
    events: list[Event]


async def feed(run: Run, target: Widget) -> None:
    """Post a run's events to a widget as long as the run is shown.

    Its last event is not the end, since it may be resumed here or in another terminal. Where the
    run cannot be read any more, the error is shown; once it can be, it is read from its beginning.

    Args:
        run: the run to follow.
        target: gets `RunEvents` messages.
    """
    while True:
        try:
            async for batch in worker.follow(run, after_end=True):
                target.post_message(RunEvents(run, batch))
                await asyncio.sleep(0)  # a long story comes in many batches, and keys in between
        except RunError as error:
            target.notify(str(error), severity="error", markup=False)
        while not run.is_readable():
            await asyncio.sleep(_RETRY_SECONDS)


GOING = ("starting", "running", "paused")


@dataclass
class RunEnded(Message):
    """The run that is shown has come to its end just now."""

    run: Run


class Session:
    """The shown run: its state, and the actions on it.

    Args:
        screen: runs the session's workers and gets its messages.
        opened: is called when another run is shown, with its hyperparameters.
        refused: is called when a run cannot be started, with a reason for each hyperparameter.
        changed: is called when the state or the status has changed.
    """

    def __init__(
        self,
        screen: Screen[None],
        *,
        opened: Callable[[RunConfig], None],
        refused: Callable[[dict[str, str]], None],
        changed: Callable[[], None],
    ) -> None:
        self.state = State()
        self.config = RunConfig()
        """The hyperparameters of the run."""
        self.predictions: PredictionReader | None = None
        self.error = ""
        """The last error; empty for none."""
        self.is_launching = False
        self.started: Run | None = None
        """The run that was started here last."""
        self.is_warm = False
        """True once a run can be started without waiting for PyTorch."""
        self._screen = screen
        self._opened, self._refused, self._changed = opened, refused, changed
        self._is_live = False
        """True if the shown run was in training when it was opened, and has not ended since."""
        self._after_launch: Callable[[], object] | None = None
        self._after_end: Callable[[], object] | None = None

    @property
    def is_training(self) -> bool:
        """True while the shown run is in training, or a new one is being started."""
        return self.is_launching or self.state.phase in GOING

    @property
    def status(self) -> str:
        """A note on the run that is being started, or the last error; empty for nothing."""
        if self.is_launching:
            return (
                "Checking the data and starting"
                if self.is_warm
                else "Warming up: PyTorch is loading; training starts by itself in a moment"
            )
        return self.error

    @property
    def words(self) -> str:
        """The line in place of the progress; empty for the progress."""
        if self.status:
            return self.status
        if self.state.run is None:
            loading = "" if self.is_warm else " (PyTorch is loading meanwhile)"
            return f"Press r to train with these settings, ? for help{loading}"
        return ""

    # Starting

    def warm_up(self) -> None:
        """Start the fork server, and note when a run can be started at once."""
        self._screen.run_worker(self._warm_up(), group="warm", exit_on_error=False)

    async def _warm_up(self) -> None:
        await worker.warmed_up()
        self.is_warm = True
        self._changed()

    def train(self, config: RunConfig) -> None:
        """Start a run and show it."""
        self.is_launching = True
        self._changed()
        self._screen.run_worker(self._launch(config), group="launch", exit_on_error=False)

    async def _launch(self, config: RunConfig) -> None:
        self.error = ""
        try:
            run = await asyncio.to_thread(worker.launch, config)
        except ConfigError as error:
            self._refuse(error.problems)
        except DataError as error:
            self._refuse({error.setting: str(error)})
        except MnistopError as error:
            self.error = str(error)
        except Exception as error:
            self.error = faults.in_words(error)
        else:
            self.started = run
            self.watch(run)
        finally:
            self.is_launching = False
            self._changed()
            if self._after_launch:
                self._after_launch()

    def _refuse(self, problems: dict[str, str]) -> None:
        self.error = list(problems.values())[-1]
        self._refused(problems)

    # Following

    def watch(self, run: Run) -> None:
        """Show a run from its beginning, and what it says from now on.

        Args:
            run: a run, going on or over.
        """
        try:
            self.config = run.config()
        except MnistopError as error:
            self.error = str(error)
            return
        self.predictions = self._after_end = None
        self._is_live = run.is_running()
        self.state = State(run, planned_epochs(self.config), alive=True)
        self._opened(self.config)
        self._screen.run_worker(
            feed(run, self._screen), group="feed", exclusive=True, exit_on_error=False
        )

    def take(self, new: RunEvents) -> bool:
        """Receive events of the shown run; return whether they begin a new phase of it."""
        if new.run != self.state.run:
            return False
        before = self.state
        self.state = states.reduce(before, new.events)
        if self.state.epochs_planned and not isinstance(self.config, RecordedConfig):
            self.config = replace(self.config, epochs=self.state.epochs_planned)
        now = self.state.history
        started, is_new = now.started, now.started is not before.history.started
        if started and (is_new or now.resumed is not before.history.resumed):
            from mnistop.engine.runs.predictions import PredictionReader  # which needs NumPy

            self.predictions = PredictionReader(new.run, len(started.class_names))
        if self.state.phase in GOING:
            self._is_live |= before.phase not in GOING and new.run.is_running()
        elif self._is_live:
            self._is_live = False
            self._screen.post_message(RunEnded(new.run))
        if self._after_end and not self.is_training:
            then, self._after_end = self._after_end, None
            then()
        return self.state.phase != before.phase or not before.history.epochs

    def look(self, state: State) -> None:
        """Select the epoch and weights of another state."""
        self.state = state
        self._changed()

    # Pausing and stopping

    def stop(self) -> None:
        """Ask the run to stop and save."""
        self._tell(worker.stop)

    def pause_or_go_on(self) -> None:
        """Pause the run, or let it go on."""
        self._tell(worker.resume if self.state.phase == "paused" else worker.pause)

    def _tell(self, what: Callable[[Run], object]) -> bool:
        """Send the run a signal; return whether it could be sent."""
        if self.state.run is None:
            return False
        try:
            what(self.state.run)
            if self.state.run.is_recorded():
                self._screen.run_worker(
                    self._warn_unanswered(self.state.run), group="ask", exclusive=True
                )
        except MnistopError as error:
            self._screen.notify(str(error), severity="error", markup=False)
            return False
        return True

    async def _warn_unanswered(self, run: Run) -> None:
        await asyncio.sleep(control.ANSWER_SECONDS)
        if sentence := control.unanswered(run):
            self._screen.notify(sentence, severity="warning", markup=False)

    def leave_then(self, then: Callable[[], object]) -> None:
        """Do something, but only once a run that is being started exists."""
        if self.is_launching:
            self._after_launch = then
        else:
            then()

    def stop_then(self, then: Callable[[], object]) -> None:
        """Stop the run and do something once it has saved."""
        self.leave_then(lambda: self._stop_then(then))

    def _stop_then(self, then: Callable[[], object]) -> None:
        run = self.state.run
        if not self.is_training:
            then()
        elif self._tell(worker.stop) or (run and not run.is_running()):
            self._after_end = then


def resume(
    attempts: BackgroundTasks, terminal: Terminal, run: Run, title: str, state: str, trained: int
) -> None:
    """Resume a run; ask first to how many epochs a finished one is to be trained on.

    Args:
        attempts: does so, on the screen that asks.
        terminal: what the terminal can show.
        run: the run.
        title: its name.
        state: see `History.state`.
        trained: its finished epochs.
    """
    screen = attempts.screen
    if state != "finished":
        attempts.resume(lambda: worker.resume(run))
        screen.notify(f"Resuming {title}", markup=False)
        return

    def train_on(text: str) -> str:
        return worker.resume(run, RunConfig.from_values({"epochs": text.strip()}).epochs)

    def answer(text: str | None) -> None:
        if text is not None:
            attempts.resume(lambda: train_on(text))
            screen.notify(f"Training {title} on", markup=False)

    label = f"Epochs in total ({trained:,} now):"
    screen.app.push_screen(AskTextScreen(terminal, label, str(2 * trained), 7, "train"), answer)
