"""The screens that lie over the dashboard, and what is loaded when.

Before the first frame only the dashboard is loaded. Everything else follows in a thread as soon as
that frame is shown, so that no key waits for it; a screen is made when it is first opened.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import threading
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from mnistop.engine.config import RunConfig
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.terminal import tidying

if TYPE_CHECKING:
    from mnistop.tui.features.attack.screen import AttackScreen
    from mnistop.tui.features.compare.screen import CompareScreen
    from mnistop.tui.features.data.screen import DataScreen
    from mnistop.tui.features.mistakes.screen import MistakesScreen
    from mnistop.tui.features.pad.screen import PadScreen
    from mnistop.tui.features.rates.screen import RatesScreen
    from mnistop.tui.features.runs.screen import RunsScreen
    from mnistop.tui.features.sweep.screen import SweepScreen
    from mnistop.tui.features.weights.screen import WeightsScreen
    from mnistop.tui.session.view import ViewScreen

NAMES = ("mistakes", "attack", "weights", "data", "runs", "compare", "sweep", "pad", "rates")

LOADED_AFTER_THE_FIRST_FRAME = (
    "mnistop.tui.draw.chart",
    "mnistop.tui.session.predictions",
    "mnistop.engine.analysis.coach.rules",
    "mnistop.tui.features.train.epoch_columns",
    "mnistop.tui.draw.matrix",
    "plotext._figure",
    "mnistop.tui.text.attacked_image",
    "mnistop.engine.analysis.image_filters",
    *(f"mnistop.tui.features.{name}.screen" for name in NAMES),
    "mnistop.tui.features.sweep.form_screen",
    "mnistop.tui.keys",
)
"""Modules, those that are likely to be needed first at first."""
_SWITCH_SECONDS = 0.0002
"""So long a key waits for this thread, some ten times until it is answered; usual are 5 ms."""


def load_the_rest() -> threading.Thread:
    """Loads in a thread what the dashboard could be drawn without."""
    thread = threading.Thread(target=_load_the_rest, name="loading", daemon=True)
    thread.start()
    return thread


def _load_the_rest() -> None:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    for module in LOADED_AFTER_THE_FIRST_FRAME:
        with contextlib.suppress(Exception):  # which is said when its screen is opened
            importlib.import_module(module)
    sys.setswitchinterval(usual)
    tidying.go_on_between_keys()


class Views:
    """The screens by their names, made when they are first wanted.

    Args:
        terminal: what the terminal can show.
        config: tells what the form holds, None while a value in it is wrong.
    """

    def __init__(self, terminal: Terminal, config: Callable[[], RunConfig | None]) -> None:
        self._terminal = terminal
        self._config = config

    @cached_property
    def mistakes(self) -> MistakesScreen:
        """What the model gets wrong."""
        from mnistop.tui.features.mistakes.screen import MistakesScreen

        return MistakesScreen(self._terminal)

    @cached_property
    def attack(self) -> AttackScreen:
        """How little it takes to fool the model."""
        from mnistop.tui.features.attack.screen import AttackScreen

        return AttackScreen(self._terminal)

    @cached_property
    def weights(self) -> WeightsScreen:
        """What the first layer looks for."""
        from mnistop.tui.features.weights.screen import WeightsScreen

        return WeightsScreen(self._terminal)

    @cached_property
    def data(self) -> DataScreen:
        """What the model learns from."""
        from mnistop.tui.features.data.screen import DataScreen

        return DataScreen(self._terminal, self._config)

    @cached_property
    def runs(self) -> RunsScreen:
        """All that was trained."""
        from mnistop.tui.features.runs.screen import RunsScreen

        return RunsScreen(self._terminal)

    @cached_property
    def compare(self) -> CompareScreen:
        """Several runs laid over each other."""
        from mnistop.tui.features.compare.screen import CompareScreen

        return CompareScreen(self._terminal)

    @cached_property
    def sweep(self) -> SweepScreen:
        """What came of a sweep."""
        from mnistop.tui.features.sweep.screen import SweepScreen

        return SweepScreen(self._terminal)

    @cached_property
    def pad(self) -> PadScreen:
        """A digit of one's own."""
        from mnistop.tui.features.pad.screen import PadScreen

        return PadScreen(self._terminal)

    @cached_property
    def rates(self) -> RatesScreen:
        """Learning rates that are too low, too high, and good."""
        from mnistop.tui.features.rates.screen import RatesScreen

        return RatesScreen(self._terminal, self._config)

    def __getitem__(self, name: str) -> ViewScreen:
        """The screen of a name among `NAMES`."""
        view: ViewScreen = getattr(self, name)
        return view

    def name_of(self, view: ViewScreen) -> str:
        """The name of a screen that is among these."""
        return next(name for name, made in vars(self).items() if made is view)
