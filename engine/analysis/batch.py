"""The batches in which a run's images are attacked.

The last digits of a float32 result depend on the batch that an image is in, and the end of an
attack depends on them. So an image is always attacked in the same batch, whether it is requested
alone or with all others: rows 0 to 49 of the validation images, 50 to 99, … As in
`mnistop.engine.analysis.loading`, PyTorch is imported only when it is needed.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.analysis.loading import check_pixels, validation
from mnistop.engine.errors import RunError
from mnistop.engine.runs.run_folder import Run

if TYPE_CHECKING:
    from torch import Tensor

    from mnistop.engine.attacks import EpsilonBounds
    from mnistop.engine.model import MLP

SIZE = 50
"""Images that are attacked together."""

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class OwnImage:
    """An image that is in no data set; the model's prediction counts as its class."""

    image: FloatArray
    """`(height, width)` or `(height, width, 3)` in [0, 1]."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OwnImage) and np.array_equal(self.image, other.image)

    def __hash__(self) -> int:
        return hash(self.image.tobytes())


AttackTarget = int | OwnImage
"""A row of the validation images, or an image of the user's own."""


@dataclass(frozen=True)
class Batch:
    """Images attacked together: some validation images, or one that is in no data set."""

    run: Run
    model: MLP
    epochs: int
    """The number of epochs the model was trained for."""
    first: AttackTarget
    """The first of the validation images, or the only image."""
    target: int | None = None
    """The class to reach; None for any but the label."""

    @classmethod
    def with_(
        cls, run: Run, model: MLP, epochs: int, subject: AttackTarget, target: int | None = None
    ) -> Self:
        """Return the batch that an image is in.

        Raises:
            RunError: there is no such image, or no such class.
        """
        classes = model.sizes[-1]
        if target is not None and not 0 <= target < classes:
            raise RunError(f"Run {run.name} has classes 0 to {classes - 1}, not {target}.")
        if isinstance(subject, OwnImage):
            check_pixels(run, model, subject.image)
            return cls(run, model, epochs, subject, target)
        validation(run, subject)
        return cls(run, model, epochs, subject // SIZE * SIZE, target)

    @classmethod
    def all_of(cls, run: Run, model: MLP, epochs: int, target: int | None = None) -> Iterator[Self]:
        """Yield the batches of all validation images.

        Raises:
            RunError: there are no images, or there is no such class.
        """
        for first in range(0, len(validation(run)[1]), SIZE):
            yield cls.with_(run, model, epochs, first, target)

    def place(self, subject: AttackTarget) -> int:
        """Return the place of an image in its batch."""
        return 0 if isinstance(subject, OwnImage) else subject % SIZE

    @property
    def rows(self) -> slice | None:
        """The rows of the validation images; None for an image that is none of them."""
        if isinstance(self.first, OwnImage):
            return None
        return slice(self.first, self.first + SIZE)

    @functools.cached_property
    def content(self) -> tuple[Tensor, Tensor, tuple[int, ...]]:
        """Images `(n, pixels)` in [0, 1], labels `(n,)`, and the shape of an image."""
        import torch

        if isinstance(self.first, OwnImage):
            image = torch.from_numpy(self.first.image.astype(np.float32).reshape(1, -1))
            with torch.no_grad():
                return image, self.model(image).argmax(1), self.first.image.shape
        images, labels, shape = validation(self.run)
        assert self.rows
        return images[self.rows], labels[self.rows], shape

    def single(self, subject: AttackTarget) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return one image, its label and its target, each in a batch of one."""
        images, labels, _ = self.content
        one = slice(self.place(subject), self.place(subject) + 1)
        return images[one], labels[one], None if self.targets is None else self.targets[one]

    @property
    def targets(self) -> Tensor | None:
        """The class to reach for each image, `(n,)`."""
        import torch

        labels = self.content[1]
        return None if self.target is None else torch.full((len(labels),), self.target)


@functools.lru_cache(8)
def search_bounds(batch: Batch) -> tuple[EpsilonBounds, Tensor]:
    """Return the bounds of each image's smallest ε, and the adversarial images that prove the
    upper."""
    from mnistop.engine.attacks import epsilon_bounds

    images, labels, _ = batch.content
    return epsilon_bounds(batch.model, images, labels, batch.targets)
