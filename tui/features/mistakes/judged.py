"""What a run's models said to the validation images, read from its folder as it is needed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.events import RunStarted
from mnistop.engine.runs.predictions import Floats, Judgement, Learned, judgement_after, learned
from mnistop.engine.runs.run_folder import Run

_KEPT_IMAGES = 256
"""Some pages of a gallery."""


class Judged:
    """Reads one epoch at a time, and each only once in a row.

    Args:
        run: a run that has started.
        started: what it said then.
    """

    def __init__(self, run: Run, started: RunStarted) -> None:
        self._run = run
        self._classes = len(started.class_names)
        self._shape = (started.image_shape[0], started.image_shape[1])
        self._judgement: Judgement | None = None
        self._predictions: NDArray[np.uint8] = np.empty((0, 0), np.uint8)
        self._learned: tuple[int, Learned] | None = None
        self._images: dict[int, Floats] = {}
        """Those that were read last."""

    def at(self, epochs: int) -> Judgement | None:
        """What the model said after so many epochs; None if that is not recorded."""
        if self._judgement is None or self._judgement.epochs != epochs:
            self._judgement = judgement_after(self._run, epochs, self._classes)
        return self._judgement

    def learned(self, epochs: int) -> Learned:
        """When the images were predicted rightly, within so many epochs."""
        if self._learned is None or self._learned[0] != epochs:
            self._predictions = self._run.predictions()[1 : epochs + 1]
            self._learned = (epochs, learned(self._predictions, self._run.labels()))
        return self._learned[1]

    def trail(self, row: int) -> NDArray[np.uint8]:
        """What one image was taken for after each epoch that `learned` was asked about."""
        return self._predictions[:, row]

    def image(self, row: int) -> Floats | None:
        """An image, `(height, width)` in [0, 1]; None if it is not recorded."""
        found = self._images.get(row)
        if found is None and (found := self._run.image(row, self._shape)) is not None:
            if len(self._images) >= _KEPT_IMAGES:
                self._images.clear()
            self._images[row] = found
        return found
