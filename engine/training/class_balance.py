"""Training on classes of uneven size: by their weights in the loss, or by balanced draws."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mnistop.engine.config import RunConfig


class ClassBalance:
    """The effect of the settings `class_weights` and `sampler` on the training images' classes.

    Args:
        config: the hyperparameters.
        counts: the training images of each class, `(classes,)`.
        device: where the loss is computed.
    """

    def __init__(self, config: RunConfig, counts: Sequence[int], device: torch.device) -> None:
        self._counts = torch.tensor(counts)
        self._draws = config.sampler == "balanced"
        self.weights: Tensor | None = None
        """The weight of each class in the loss, `(classes,)`; None if all are 1."""
        if config.class_weights == "balanced":
            self.weights = balanced_weights(self._counts).to(device)

    def order(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Shuffle or draw the training images of an epoch.

        Args:
            labels: of all training images, int64, `(images,)`.
            generator: source of the random numbers.

        Returns:
            Rows of the images, int64, `(images,)`.
        """
        if self._draws:
            return balanced_draw(labels.cpu(), self._counts, generator)
        return torch.randperm(len(labels), generator=generator)


def balanced_weights(counts: Tensor) -> Tensor:
    """Return the weight of each class in the loss: the rarer, the higher.

    The weights are scikit-learn's `compute_class_weight("balanced", ...)`: the number of images,
    divided by the number of classes that have any and by the images of this class. Together all
    images then weigh as much as without weights.

    Args:
        counts: the training images of each class, int64, `(classes,)`.

    Returns:
        float32, `(classes,)`; 0 for classes without images.
    """
    weights = counts.sum() / (counts.count_nonzero() * counts)
    weights[counts == 0] = 0
    return weights


def balanced_draw(labels: Tensor, counts: Tensor, generator: torch.Generator) -> Tensor:
    """Draw as many images as there are, with replacement, each class being equally likely.

    The draw is that of `torch.utils.data.WeightedRandomSampler` with the reciprocals of the counts
    as weights.

    Args:
        labels: of the training images, int64, `(images,)`.
        counts: the training images of each class, int64, `(classes,)`.
        generator: source of the random numbers.

    Returns:
        Rows of the images, int64, `(images,)`.
    """
    weights = (1 / counts.double())[labels]
    return torch.multinomial(weights, len(labels), replacement=True, generator=generator)
