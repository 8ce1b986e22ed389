"""Means over batches and images, and the numbers that mistakes in computing them give."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mnistop.engine.course.findings import Cases


@dataclass(frozen=True)
class Means:
    """The means over batches and images that an evaluation may return, and those of mistakes."""

    values: Tensor
    """Each batch's mean, of the loss or of the images that are right."""
    sizes: Tensor
    """Each batch's number of images."""

    @property
    def true(self) -> tuple[float, float]:
        """The mean over batches, and that over images."""
        return float(self.values.mean()), self.weighted / float(self.sizes.sum())

    @property
    def total(self) -> float:
        """The sum of the batches' means."""
        return float(self.values.sum())

    @property
    def weighted(self) -> float:
        """The sum over images."""
        return float((self.values * self.sizes).sum())

    def loss_cases(self) -> Cases:
        """Return the means of losses under each mistake."""
        values, batches, images = self.values, len(self.values), float(self.sizes.sum())
        last = float(values[-1])
        size = float(self.sizes[0])
        return (
            (
                [self.total],
                "the batches' losses are summed and not divided by their number, `len(loader)`.",
            ),
            (
                [self.weighted],
                "the images' losses are summed and not divided by the number of images.",
            ),
            (
                [self.total / images],
                "it sums the batches' mean losses, but divides by the number of images: each is a "
                "mean over its images already, so divide by `len(loader)`.",
            ),
            (
                [self.weighted / batches],
                "it sums the losses of images, but divides by the number of batches: divide by "
                "the number of images.",
            ),
            (
                [self.total / size],
                "it divides by the batch size: sum the batches' means and divide by `len(loader)`.",
            ),
            (
                [float(values[:-1].mean())],
                "the last batch is left out: it is smaller, but its images count like the others.",
            ),
            (
                [(self.total - last) / batches],
                "the last batch is left out of the sum, but counted in the number of batches.",
            ),
            (
                [last],
                "this is the loss of the last batch only: the sum is set back, or overwritten, "
                "within the loop.",
            ),
            (
                [float(values[0])],
                "this is the loss of the first batch only: the `return` stands inside the loop.",
            ),
            (
                [float(values[0]) / batches],
                "only the first batch's loss is counted: the `return` stands inside the loop.",
            ),
            (
                [last / batches],
                "only the last batch's loss is counted, and divided by the number of batches: add "
                "with +=, and start the sum before the loop.",
            ),
            (
                [self.total / (batches - 1)],
                "it divides by one batch too few: the number of batches is `len(loader)`.",
            ),
            ([-self.true[0]], "the sign is wrong: the loss is never negative."),
        )

    def accuracy_cases(self) -> Cases:
        """Return the accuracies under each mistake."""
        values, batches, images = self.values, len(self.values), float(self.sizes.sum())
        return (
            (
                [self.weighted],
                "this is the number of right images: divide it by the number of images.",
            ),
            (
                [self.weighted / batches],
                "it divides by the number of batches, `len(loader)`, instead of images.",
            ),
            (
                [self.weighted / float(self.sizes[0])],
                "it divides by the size of one batch instead of all images.",
            ),
            ([self.total], "the batches' shares are summed and not divided by their number."),
            (
                [self.total / images],
                "the batches' shares are summed, but divided by the number of images: divide by "
                "the number of batches.",
            ),
            (
                [float((values * self.sizes)[:-1].sum() / self.sizes[:-1].sum())],
                "the last batch is left out.",
            ),
            ([float(values[-1])], "this is the accuracy of the last batch only."),
            (
                [float((values * self.sizes)[-1]) / images],
                "only the last batch's images are counted: use +=.",
            ),
            ([float(values[0])], "this is the accuracy of the first batch only."),
            ([1 - self.true[1]], "this is the share of images that are wrong."),
        )
