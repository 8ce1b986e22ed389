"""Made-up answers about attacks: what fools a model is decided by the number of the image."""

from __future__ import annotations

import asyncio
import copy
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mnistop.engine.analysis.fragility import (
    AttackedImage,
    AttackTarget,
    OwnImage,
    PerturbationBounds,
    attack_image,
    bracket,
)
from mnistop.engine.analysis.methods import METHODS
from mnistop.engine.analysis.network import Classified, classify
from mnistop.engine.analysis.robustness import EPSILONS, Robustness, robustness
from mnistop.engine.attacks import FINDERS
from mnistop.engine.runs.run_folder import Run
from tests.helpers import made_up

NEVER = 5
"""Image `i` is never fooled if `i % 10` is this."""
SAVED_EVERY = 4
"""Weights are kept after a number of epochs."""


def smallest(subject: AttackTarget, method: str = "fgsm") -> float:
    """The smallest ε with which a method fools the model: the first images are the strongest."""
    if isinstance(subject, OwnImage):
        return 0.2
    if subject % 10 == NEVER:
        return math.inf
    usual = 0.95 if METHODS[method].norm == "linf" else 10
    weight = {"fgsm": 1, "pgd": 0.9, "deepfool": 0.8}.get(method, usual)
    return weight * round(0.04 + 0.01 * ((199 - subject) % 20), 3)


def certified(subject: AttackTarget) -> float:
    return 0.05 if math.isinf(least := smallest(subject, "deepfool")) else least / 2


@dataclass
class Answers:
    """Stands in for the processes that answer questions."""

    classes: int = 10
    shape: tuple[int, int] = (28, 28)
    newest: int = 12
    """Epochs that the newest weights were trained for."""
    part: int = 100
    """Validation images that are attacked at a time."""
    wrong: bool = False
    """Whether every image is predicted wrongly as it is."""
    flat: bool = False
    """Whether the gradient is exactly zero everywhere."""
    exact: bool = True
    optimal: bool = False
    returns: bool = False
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    """Questions by name, and what they took."""
    refuses: dict[str, Exception] = field(default_factory=dict)
    """What questions raise, by name."""
    open: dict[str, asyncio.Event] = field(default_factory=dict)
    """Set while questions are answered at once, by name."""
    _done: dict[tuple[Run, int], int] = field(default_factory=dict)

    def close(self, name: str) -> None:
        """Hold back questions from now on."""
        self.open[name] = asyncio.Event()

    def questions(self, name: str) -> list[tuple[Any, ...]]:
        return [asked[1:] for asked in self.asked if asked[0] == name]

    async def ask(self, question: Any, run: Run, *details: Any) -> Any:
        if question is attack_image and len(details) == 3:  # the digit strip's
            return made_up.answer(*details[:2], self._epochs(details[2]), self.classes)
        makers = {
            attack_image: self._attack,
            bracket: self._bracket,
            robustness: self._robustness,
            classify: self._classify,
        }
        name = question.__name__
        self.asked.append((name, run, *details))
        if name in self.open:
            await self.open[name].wait()
        if name in self.refuses:
            raise self.refuses[name]
        return makers[question](run, *copy.deepcopy(details))

    def _epochs(self, wanted: int | None) -> int:
        return self.newest if wanted is None else wanted // SAVED_EVERY * SAVED_EVERY

    def _attack(
        self,
        run: Run,
        subject: AttackTarget,
        epsilon: float | None,
        epochs: int | None,
        method: str,
        target: int | None,
    ) -> AttackedImage:
        label = 3 if isinstance(subject, OwnImage) else subject % self.classes
        before = (label + 1) % self.classes if self.wrong else label
        least = smallest(subject, method)
        if METHODS[method].seeks:
            epsilon = least
        goal = (label + 3) % self.classes if target is None else target
        fooled = least <= epsilon < math.inf and not self.flat
        says = goal if fooled else before
        if isinstance(subject, OwnImage):
            image = subject.image
        else:
            image = np.zeros(self.shape, np.float32)
            image[: self.shape[0] // 2 + 1] = 0.5
        change = 0 if self.flat or math.isinf(epsilon) else min(epsilon, 0.5)
        signs = np.where(np.indices(image.shape).sum(0) % 2, 1, -1)
        clean, after = np.full((2, self.classes), 0.01, np.float32)
        clean[before] = after[says] = 0.91
        return AttackedImage(
            subject,
            label,
            method,
            epsilon,
            target,
            self._epochs(epochs),
            image,
            np.clip(image + change * signs, 0, 1).astype(np.float32),
            clean,
            after,
        )

    def _bracket(
        self,
        run: Run,
        subject: AttackTarget,
        epochs: int | None = None,
        target: int | None = None,
        method: str = "fgsm",
    ) -> PerturbationBounds:
        names = {"fgsm", "pgd", "deepfool", method}
        sizes = {name: 0.0 if self.wrong else smallest(subject, name) for name in names}
        found = min(sizes[name] for name in ("fgsm", "pgd", "deepfool"))
        path = sizes["fgsm"]
        return PerturbationBounds(
            subject=subject,
            target=target,
            epochs=self._epochs(epochs),
            certified=0.0 if self.wrong else certified(subject),
            found=found,
            found_by="deepfool" if found < math.inf else "",
            level=math.ceil(255 * path) if path < math.inf else -1,
            exact=self.exact,
            returns=self.returns,
            optimal=self.optimal,
            smallest=sizes,
        )

    def _robustness(self, run: Run, epochs: int | None) -> Robustness:
        trained = self._epochs(epochs)
        total = len(run.labels())
        done = min(total, self._done.get((run, trained), 0) + self.part)
        self._done[run, trained] = done
        right = made_up.predictions(trained, self.classes)[-1] == made_up.labels(self.classes)
        path, found, safe = (
            np.array([size(row) * right[row] for row in range(done)], np.float32)
            for size in (_finite, lambda row: 0.8 * _finite(row), certified)
        )
        withstands = path[:, None] > np.array(EPSILONS)
        by = np.full(done, FINDERS.index("deepfool"), np.uint8)
        return Robustness(total, trained, path, found, safe, withstands, by, found)

    def _classify(self, run: Run, image: Any, epochs: int | None) -> Classified:
        probabilities = np.full(self.classes, 0.01, np.float32)
        probabilities[3] = 0.91
        return Classified(probabilities, self._epochs(epochs))


def _finite(row: int) -> float:
    return min(smallest(row), 1.0)
