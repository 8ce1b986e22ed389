"""Accuracy on the validation set against ε: under attack, and proven."""

from __future__ import annotations

from textual.strip import Strip

from engine.robustness import EPSILONS, Robustness
from tui.panes.lines import LinesPane
from tui.render.cells import beside
from tui.render.chart import chart
from tui.render.series import Series

_LEAST_BESIDE = 76
_LEAST_HEIGHT = 7


class AccuracyChart(LinesPane, can_focus=True):
    """The curves of one run, or of two side by side."""

    EXPLANATION = (
        "How many validation images are still right when each is attacked with ε: by FGSM, and by "
        "the smallest perturbation that any attack found (FGSM or FAB). The lowest curve is the "
        "share for which it is proven that nothing of size ε can fool the model; the truth lies "
        "between the lower two."
    )

    epsilon: float | None = None
    notice = ""
    runs: tuple[tuple[str, Robustness | None], ...] = ()

    def show(
        self,
        runs: tuple[tuple[str, Robustness | None], ...],
        epsilon: float | None,
        notice: str = "",
    ) -> None:
        """Draws the curves.

        Args:
            runs: what each run is called, and what is known of it.
            epsilon: the present ε, to be marked; None if the norm is another.
            notice: what is said where there are no curves.
        """
        self.runs, self.epsilon, self.notice = runs, epsilon, notice
        self.redraw()

    def title(self) -> str:
        """What, and of how many images while they are being attacked."""
        parts = [_part(known) for _, known in self.runs]
        return ", ".join(["Accuracy against ε (L∞)", *filter(None, parts)])

    def lines(self, width: int, height: int) -> list[Strip]:
        """The charts, beside each other or one below the other."""
        if not self.runs:
            return self.say(self.notice, width)
        if len(self.runs) == 1:
            ((name, known),) = self.runs
            return self._chart(name, known, width, height)
        if width >= _LEAST_BESIDE or height < 2 * _LEAST_HEIGHT:
            left = (width - 2) // 2
            sizes = ((left, height), (width - 2 - left, height))
            return beside(
                [self._chart(*run, *size) for run, size in zip(self.runs, sizes, strict=True)]
            )
        upper = height // 2
        return [
            *self._chart(*self.runs[0], width, upper),
            *self._chart(*self.runs[1], width, height - upper),
        ]

    def _chart(self, name: str, known: Robustness | None, width: int, height: int) -> list[Strip]:
        curves = []
        if known is not None and known.done:
            values: tuple[tuple[str, list[float]], ...] = (
                ("FGSM", known.fgsm.tolist()),
                ("any attack", [known.under_attack(epsilon) for epsilon in EPSILONS]),
                ("proven", [known.proven(epsilon) for epsilon in EPSILONS]),
            )
            curves = [
                Series(what, accuracies, role, EPSILONS)
                for role, (what, accuracies) in enumerate(values)
            ]
        return chart(
            curves,
            width,
            height,
            self.terminal,
            cursor=self.epsilon,
            y_limits=(0, 1),
            percent=True,
            x_label="ε" if self.terminal.unicode else "eps",
            title=name,
            empty=self.notice or "Attacking the validation images.",
        )


def _part(known: Robustness | None) -> str:
    if known is None or known.is_complete:
        return ""
    return f"{known.done:,} of {known.total:,} images so far"
