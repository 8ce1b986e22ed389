"""The dashboard as a person sees it, over a made-up run and without any other process."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.segment import Segment
from textual.events import Key
from textual.pilot import Pilot
from textual.widget import Widget

from mnistop.engine import events
from mnistop.engine.analysis.fragility import AttackedImage
from mnistop.engine.config import RunConfig
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.tui.app import MnistopApp
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.train.charts import Charts
from mnistop.tui.features.train.dashboard import Dashboard as Panes
from mnistop.tui.features.train.epochs import EpochLog
from mnistop.tui.features.train.hyperparameters import Hyperparameters
from mnistop.tui.features.train.images import Confusion, Digit
from mnistop.tui.features.train.screen import TrainScreen
from mnistop.tui.session.session import RunEvents
from mnistop.tui.session.state import State
from mnistop.tui.terminal.scheduler import Scheduler
from tests.helpers import made_up, made_up_sweeps
from tests.helpers.textual_hooks import refresh, strips, until_idle
from tests.helpers.waiting import LONG, until_true

PANES: dict[str, type[Widget]] = {
    "form": Hyperparameters,
    "charts": Charts,
    "log": EpochLog,
    "matrix": Confusion,
    "digit": Digit,
}


@dataclass
class Workers:
    """Stands in for `mnistop.engine.worker`: notes what is asked of it."""

    folder: Path
    launched: list[RunConfig] = field(default_factory=list)
    swept: list[tuple[str, list[RunConfig], int | None]] = field(default_factory=list)
    """Title, configurations and jobs of each sweep that was started."""
    told: list[str] = field(default_factory=list)
    """`stop`, `pause`, `resume` and `resume_sweep`, in order."""
    asked: list[tuple[int, float, int | None]] = field(default_factory=list)
    """Row, ε and epochs of each question."""
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while questions are answered at once."""
    refuses: Exception | None = None
    """What launching or asking raises."""
    started: list[events.Event] = field(default_factory=list)
    """What a launched run has said already."""

    def launch(self, config: RunConfig) -> Run:
        self.launched.append(config)
        if self.refuses:
            raise self.refuses
        name = made_up.NAME if len(self.launched) == 1 else f"{made_up.NAME}{len(self.launched)}"
        return made_up.write_run(self.folder, self.started, config, name)

    async def ask(
        self, question: object, run: Run, row: int, epsilon: float, epochs: int | None
    ) -> AttackedImage:
        self.asked.append((row, epsilon, epochs))
        await self.answers.wait()
        if self.refuses:
            raise self.refuses
        classes = int(run.labels().max()) + 1
        return made_up.answer(row, epsilon, 77 if epochs is None else epochs, classes)

    def launch_sweep(
        self, configs: Sequence[RunConfig], title: str = "", jobs: int | None = None
    ) -> Sweep:
        self.swept.append((title, list(configs), jobs))
        if self.refuses:
            raise self.refuses
        return made_up_sweeps.create(self.folder, configs, title)

    def tell(self, what: str) -> Callable[[object], None]:
        return lambda going: self.told.append(what)


class Dashboard:
    """An open app."""

    def __init__(self, app: MnistopApp, pilot: Pilot[int], folder: Path) -> None:
        self.app = app
        self.pilot = pilot
        self.folder = folder
        self.may_fail = False
        """Whether the test is about faults of the program."""

    @property
    def screen(self) -> TrainScreen:
        found = next(s for s in self.app.screen_stack if isinstance(s, TrainScreen))
        assert isinstance(found, TrainScreen)
        return found

    @property
    def state(self) -> State:
        return self.screen.state

    def pane(self, name: str) -> Widget:
        return self.screen.query_one(PANES[name])

    @property
    def visible(self) -> list[str]:
        """The panes of which something can be seen."""
        return [name for name in PANES if self.pane(name).region.area and self.is_shown(name)]

    def is_shown(self, name: str) -> bool:
        return all(node.display for node in self.pane(name).ancestors_with_self[:-1])

    @property
    def focused(self) -> str:
        """The pane that gets the keys."""
        for name in PANES:
            if self.screen.focused and self.pane(name) in self.screen.focused.ancestors_with_self:
                return name
        return ""

    @property
    def lines(self) -> list[str]:
        """The lines on the screen."""
        return [strip.text for strip in strips(self.app.screen)]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def sentences(self) -> str:
        """The screen with its line breaks and spaces taken out."""
        return " ".join(self.text.split())

    @property
    def notices(self) -> list[str]:
        """The notifications so far."""
        return self.app.notices

    @property
    def segments(self) -> list[Segment]:
        return [part for strip in strips(self.app.screen) for part in strip]

    def lines_of(self, name: str) -> list[str]:
        """The lines on the screen at a pane's place."""
        x, y, width, height = self.pane(name).region
        return [strip.crop(x, x + width).text for strip in strips(self.screen)[y : y + height]]

    def text_of(self, name: str) -> str:
        return "\n".join(self.lines_of(name))

    async def press(self, *keys: str) -> None:
        """Presses keys one after the other."""
        for key in keys:
            await self.burst(key)

    async def go_to(self, name: str) -> None:
        """Focus a pane."""
        board = self.screen.query_one(Panes)
        board.go_to(board.panes[list(PANES).index(name)])
        await self.settle()

    async def burst(self, *keys: str) -> None:
        """Presses keys as a slow line delivers them: all at once."""
        for key in keys:
            char = key if len(key) == 1 else {"space": " "}.get(key)
            self.app.post_message(Key(key, char))
        await self.settle()

    async def until(self, condition: Callable[[], object], seconds: float = LONG) -> None:
        """Waits until something is true, and says what the screen shows if it never is."""
        try:
            await until_true(condition, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; the screen shows\n{self.text}") from None

    async def until_shown(self, *texts: str) -> None:
        for text in texts:
            await self.until(lambda text=text: text in self.sentences)

    async def say(self, *said: events.Event, run: Run | None = None) -> None:
        """Append events of the shown run, and wait until they are drawn."""
        run = run or self.state.run
        assert run
        self.screen.post_message(RunEvents(run, list(said)))
        await self.settle()

    async def settle(self) -> None:
        """Waits until all messages are handled, and draws."""
        for _ in range(2):
            await until_idle(self.app)
            self._draw()
            refresh(self.app)

    def _draw(self) -> None:
        """Draw all that is scheduled."""
        for screen in self.app.screen_stack:
            if screen.is_current and isinstance(
                scheduler := getattr(screen, "_scheduler", None), Scheduler
            ):
                scheduler.finish()

    async def resize(self, width: int, height: int) -> None:
        await self.pilot.resize_terminal(width, height)
        await self.settle()

    async def show(self, epochs: int, *more: events.Event, names: Sequence[str] = ()) -> Run:
        """Show a made-up run after a number of epochs, still training unless `more` ends it."""
        names = names or made_up.DIGITS
        told = [*made_up.story(epochs, names=names), *more]
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        run = made_up.write_run(folder, told, classes=len(names))
        self.screen.session.watch(run)
        await self.say(*told, run=run)
        return run


def _keep_notices(app: MnistopApp) -> None:
    """Let notices stay, however slow the machine is."""
    notify = app.notify

    def keep(message: str, **options: Any) -> None:
        notify(message, **options | {"timeout": LONG})

    app.notify = keep  # type: ignore[method-assign]


@asynccontextmanager
async def dashboard(
    folder: Path,
    size: tuple[int, int] = (120, 40),
    terminal: Terminal | None = None,
    run: Run | None = None,
    **values: str,
) -> AsyncIterator[Dashboard]:
    """Opens the app in a terminal of some size."""
    app = MnistopApp(terminal or Terminal(), values, run)
    _keep_notices(app)
    async with app.run_test(size=size, notifications=True) as pilot:
        shown = Dashboard(app, pilot, folder)
        await shown.settle()
        yield shown
        faults = [notice for notice in shown.notices if "fault of the program" in notice]
        assert shown.may_fail or not faults, faults


Opened = Callable[..., AbstractAsyncContextManager[Dashboard]]
"""Opens the app, as `dashboard` does, for the fixture of that name."""
