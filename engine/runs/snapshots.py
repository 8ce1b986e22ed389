"""Weights that a run keeps for good: after 0, 1, 2, 3, 4, 6, 8, 12, 16, 24, … epochs.

They are the rows of `weights.f32`: of each layer in turn the weights `(outputs, inputs)` and the
biases, as float32. Runs of format 1 keep them in `snapshots/EPOCHS.pt`.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from mnistop.engine.files import open_regular, write_at
from mnistop.engine.runs.run_folder import Run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FILE = "weights.f32"
EPOCHS = (0, 1, *(epochs for power in range(32) for epochs in (2 << power, 3 << power)))
"""After how many epochs weights are kept; what is first here is the first row."""
ROWS = {epochs: row for row, epochs in enumerate(EPOCHS)}
"""The row of the weights that are kept after so many epochs."""


def write(file: int, epochs: int, weights: Iterable[NDArray[np.float32]]) -> None:
    """Writes a row.

    Args:
        file: descriptor of `FILE`.
        epochs: one of `EPOCHS`.
        weights: those of the whole model and its biases, in order.
    """
    row = [array.astype("<f4", copy=False) for array in weights]
    place = ROWS[epochs] * sum(array.nbytes for array in row)
    for array in row:
        place = write_at(file, array, place)


def kept(run: Run, layers: Sequence[int]) -> list[int]:
    """Numbers of completed epochs for which weights are kept, rising.

    Args:
        run: the run.
        layers: as in `RunStarted.layers`.
    """
    try:
        with open_regular(run.path / FILE) as file:
            rows = os.fstat(file.fileno()).st_size // (4 * _parameters(layers))
    except OSError:
        rows = 0
    old = (path.stem for path in run.path.glob("snapshots/*.pt") if path.stem.isdecimal())
    return sorted({*EPOCHS[:rows], *map(int, old)})


def read(run: Run, epochs: int, layers: Sequence[int]) -> NDArray[np.float32] | None:
    """The weights after so many epochs from `FILE`, as one vector; None if they are not there.

    Args:
        run: the run.
        epochs: one of `kept`.
        layers: as in `RunStarted.layers`.
    """
    import numpy as np

    count = _parameters(layers)
    try:
        with open_regular(run.path / FILE) as file:
            place = ROWS[epochs] * 4 * count
            if os.fstat(file.fileno()).st_size < place + 4 * count:
                return None
            row = np.fromfile(file, "<f4", count, offset=place)
    except (OSError, KeyError, ValueError, MemoryError):
        return None
    return row.astype(np.float32, copy=False)


def _parameters(layers: Sequence[int]) -> int:
    return sum((inputs + 1) * outputs for inputs, outputs in itertools.pairwise(layers))
