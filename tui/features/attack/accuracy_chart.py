"""Accuracy on the validation set against ε: under attack, and proven."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass

from textual.message import Message

from mnistop.engine.analysis.robustness import EPSILONS, Robustness
from mnistop.tui.draw.cells import Strip, beside, clean, line, shorten
from mnistop.tui.draw.chart import chart
from mnistop.tui.draw.series import Series
from mnistop.tui.features.attack.model import Measured
from mnistop.tui.toolkit.pane import PlottedPane

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
        """Draws the curves.

        Args:
            runs: one or two.
            epsilon: the present ε, to be marked; None if the norm is another.
            status: what is said where there are no curves.
        """
        if (runs, epsilon, status) != (self.runs, self.epsilon, self.status):
            self.runs, self.epsilon, self.status = runs, epsilon, status
            self.redraw()

    @dataclass
    class EpsilonChosen(Message):
        """The attack shall be of another ε."""

        epsilon: float

    def choose(self, x: float) -> None:
        """Asks for the ε at an x."""
        if self.epsilon is not None:
            self.post_message(self.EpsilonChosen(round(x, 3)))

    def title(self) -> str:
        """What, of which weights, and of how many images while they are being attacked."""
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
        heading = self._heading(run, width, max(1, height // 6)) if len(self.runs) > 1 else []
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
        """Where the curves have points: also at the present ε, so that it is read out exactly."""
        present = self.epsilon
        if present is None or present > EPSILONS[-1]:
            return list(EPSILONS)
        others = (one for one in EPSILONS if not math.isclose(one, present, abs_tol=1e-9))
        return sorted([*others, present])

    def _heading(self, run: Measured, width: int, most: int) -> list[Strip]:
        """The run's name and settings, on a few lines."""
        text = clean(f"{run.name}: {run.settings}", self.terminal)
        lines = textwrap.wrap(text, max(width, 1), subsequent_indent="  ")
        if len(lines) > most:
            lines[most - 1 :] = [shorten(" ".join(lines[most - 1 :]), width, self.terminal)]
        return [line([(part, self.palette.strong)], width) for part in lines]


def _part(known: Robustness | None) -> str:
    if known is None or known.is_complete:
        return ""
    return f"{known.done:,} of {known.total:,} images so far"
