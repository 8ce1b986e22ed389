"""Accuracy on the validation set against ε: its chart, and a dialog for a run to compare with."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.screen import ModalScreen

from mnistop.engine.analysis.robustness import EPSILONS, Robustness, robustness
from mnistop.engine.runs.filters import complete, parse
from mnistop.engine.runs.index import Index
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Strip, beside
from mnistop.tui.draw.chart import chart
from mnistop.tui.draw.series import Series
from mnistop.tui.session.run_list import RunListModel, RunTable
from mnistop.tui.terminal.faults import FaultTolerant
from mnistop.tui.toolkit.background import LatestAnswer
from mnistop.tui.toolkit.bindings import bindings, key
from mnistop.tui.toolkit.inputs import FilterLine
from mnistop.tui.toolkit.list_pane import ListPane
from mnistop.tui.toolkit.plotted_pane import PlottedPane

if TYPE_CHECKING:
    from textual.dom import DOMNode


class Measured(NamedTuple):
    """A run and how its model withstands attacks."""

    name: str
    robustness: Robustness | None
    """As far as it is known."""
    settings: str = ""
    """The settings in which it differs from the other run."""
    weights: str = ""
    """The epoch of the weights, as in `epoch 5`, where it is the only run."""


class ValidationRobustness(LatestAnswer[Robustness]):
    """The robustness of a run's validation images, measured a part at a time.

    Args:
        node: a part of the app, in whose name questions are put.
        changed: called when more is known, or something went wrong.
    """

    def __init__(self, node: DOMNode, changed: Callable[[], None]) -> None:
        super().__init__(node, robustness, changed, at_leisure=True)
        self._about: tuple[object, ...] = ()
        self._parts = 0
        """The number of answers about these weights so far."""

    @property
    def is_waiting(self) -> bool:
        """True while nothing is known yet of the weights that are asked about."""
        return self.waiting and not self._parts

    def measure(self, run: Run, epochs: int | None, age: Hashable) -> None:
        """Measure until everything is known about some weights.

        Args:
            run: the run.
            epochs: with the weights after at most that many epochs; None for the newest.
            age: differs where `epochs` stands for other weights than before.
        """
        about = (run, epochs, age)
        if about != self._about:
            self._about, self._parts = about, 0
        self.want(run, epochs, key=(about, self._parts))

    def forget(self) -> None:
        """Drop what is known."""
        super().forget()
        self._about = ()

    def take(self, answer: Robustness | None, error: str) -> None:
        """Take another part; what is known stays after an error."""
        super().take(answer or self.answer, error)
        self._parts += answer is not None and not answer.is_complete


_LEAST_BESIDE = 76
_LEAST_HEIGHT = 7


class AccuracyChart(PlottedPane, can_focus=True):
    """The curves of one run, or of two side by side."""

    EXPLANATION = (
        "How many validation images are still classified correctly when each is attacked with ε: "
        "by FGSM, and by the smallest perturbation that any attack found (PGD, FGSM, DeepFool or "
        "FAB). The lowest curve is the share for which it is proven that no perturbation of size ε "
        "can fool the model; the true value lies between the lower two."
    )

    epsilon: float | None = None
    status = ""
    runs: tuple[Measured, ...] = ()

    def show(self, runs: tuple[Measured, ...], epsilon: float | None, status: str = "") -> None:
        """Draw the curves.

        Args:
            runs: one or two.
            epsilon: the present ε, to be marked; None if the norm is another.
            status: the words where there are no curves.
        """
        if (runs, epsilon, status) != (self.runs, self.epsilon, self.status):
            self.runs, self.epsilon, self.status = runs, epsilon, status
            self.redraw()

    @dataclass
    class EpsilonChosen(Message):
        """The choice of another ε."""

        epsilon: float

    def choose(self, x: float) -> None:
        """Ask for the ε at an x."""
        if self.epsilon is not None:
            self.post_message(self.EpsilonChosen(round(x, 3)))

    def title(self) -> str:
        """The epoch of the weights, and the number of images while they are being attacked."""
        parts = [_part(run.robustness) for run in self.runs]
        parts += [run.weights for run in self.runs]
        return ", ".join(["Accuracy against ε (L∞)", *filter(None, parts)])

    def lines(self, width: int, height: int) -> list[Strip]:
        """The charts, beside each other or one below the other."""
        if not self.runs:
            return self.say(self.status, width)
        if len(self.runs) == 1:
            drawn = self._chart(self.runs[0], width, height)
            self.placed((0, 0, drawn))
            return drawn
        self.placed()
        if width >= _LEAST_BESIDE or height < 2 * _LEAST_HEIGHT:
            left = (width - 2) // 2
            sizes = ((left, height), (width - 2 - left, height))
            return beside(
                [self._chart(run, *size) for run, size in zip(self.runs, sizes, strict=True)]
            )
        upper = height // 2
        return [
            *self._chart(self.runs[0], width, upper),
            *self._chart(self.runs[1], width, height - upper),
        ]

    def _chart(self, run: Measured, width: int, height: int) -> list[Strip]:
        known = run.robustness
        curves = []
        if known is not None and known.done:
            epsilons = self._epsilons()
            attacked = [known.under_attack(epsilon) for epsilon in epsilons]
            proven = [known.proven(epsilon) for epsilon in epsilons]
            curves = [
                Series("FGSM", known.fgsm.tolist(), 0, EPSILONS),
                Series("any attack", attacked, 1, epsilons),
                Series("proven", proven, 2, epsilons),
            ]
        heading = []
        if len(self.runs) > 1:
            words = f"{run.name}: {run.settings}"
            heading = self.say(words, width, self.palette.strong, max(1, height // 6))
        plotted = chart(
            curves,
            width,
            height - len(heading),
            self.terminal,
            cursor=self.epsilon,
            y_limits=(0, 1),
            percent=True,
            x_label="ε" if self.terminal.unicode else "eps",
            title="" if heading else "accuracy",
            empty=self.status or "Attacking the validation images.",
        )
        return [*heading, *plotted] if heading else plotted

    def _epsilons(self) -> list[float]:
        """The points of the curves, also at the present ε, so that it is read out exactly."""
        present = self.epsilon
        if present is None or present > EPSILONS[-1]:
            return list(EPSILONS)
        others = (one for one in EPSILONS if not math.isclose(one, present, abs_tol=1e-9))
        return sorted([*others, present])


def _part(known: Robustness | None) -> str:
    if known is None or known.is_complete:
        return ""
    return f"{known.done:,} of {known.total:,} images so far"


_EXAMPLE = "lr>0.1 hidden:128"
_READ_SECONDS = 0.1


class _OtherRuns(RunTable):
    """The runs that can be chosen."""

    def title(self) -> str:
        """The purpose of the choice."""
        return "Compare accuracy against ε with (Enter; Esc: none)"

    def empty(self) -> str:
        """Return the reason why there is nothing to choose."""
        if self.waiting or self._model.text:
            return super().empty()
        return (
            "There is no other run yet: press 1 for the dashboard, choose another preset and "
            "press r."
        )


class ChooseRunScreen(FaultTolerant, ModalScreen[Run | None]):
    """Ask for a run to compare with; Esc chooses none.

    Args:
        terminal: what the terminal can show.
        excluded: a run that is not offered, or None.
    """

    BINDINGS = bindings(
        "choose",
        key("none", "escape,q", "dismiss(None)", "None", "Choose none"),
        key("filter", "/", "filter", "Filter", f"Type which runs to show, as {_EXAMPLE}"),
    )

    DEFAULT_CSS = """
    ChooseRunScreen { align: center middle; background: $background 60%; }
    ChooseRunScreen > Vertical {
        width: 90%; max-width: 120; height: 60%; max-height: 24; padding: 0 1;
        background: $surface;
    }
    """

    def __init__(self, terminal: Terminal, excluded: Run | None) -> None:
        super().__init__()
        self._excluded = excluded
        self._model = RunListModel()
        self._filter = FilterLine(terminal, _EXAMPLE, parse, complete)
        self._table = _OtherRuns(terminal, self._model)

    def compose(self) -> ComposeResult:
        """The list, and the filter line above it."""
        yield Vertical(self._filter, self._table)

    def on_mount(self) -> None:
        """Read what runs there are."""
        self.set_focus(self._table)
        self.run_worker(self._read(), exit_on_error=False)

    async def _read(self) -> None:
        index, is_read = Index(), False
        while not is_read:
            self._table.show(None, "Looking for runs")
            is_read = await asyncio.to_thread(index.look, _READ_SECONDS)
            self._model.take([one for one in index.runs if one.run != self._excluded])
        self._table.show(None, "")

    @on(FilterLine.Applied)
    def _on_filter_applied(self, message: FilterLine.Applied) -> None:
        self._model.set_filter(message.text)
        self._table.redraw()
        self.set_focus(self._table)

    @on(FilterLine.Left)
    def _on_filter_left(self) -> None:
        self.set_focus(self._table)

    @on(ListPane.Opened)
    def _on_opened(self) -> None:
        if chosen := self._model.chosen:
            self.dismiss(chosen.run)

    def action_filter(self) -> None:
        """Go to the filter line."""
        self.set_focus(self._filter.input)
