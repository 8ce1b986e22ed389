"""What counts as fooling a model."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Goal:
    """To be predicted as any class but the label, or as one chosen class."""

    labels: Tensor
    """True classes, `(batch,)`."""
    targets: Tensor | None = None
    """The classes to reach, `(batch,)`; None for any but the label."""

    def __getitem__(self, rows: Tensor) -> Goal:
        return Goal(self.labels[rows], None if self.targets is None else self.targets[rows])

    def reached(self, logits: Tensor) -> Tensor:
        """Whether logits `(batch, classes)` mean success, `(batch,)`."""
        predicted = logits.argmax(1)
        return predicted != self.labels if self.targets is None else predicted == self.targets

    def leads(self, logits: Tensor) -> Tensor:
        """How far each class is ahead of the label, or the target ahead of each class.

        Without targets it takes one lead above 0, with targets all of them.

        Args:
            logits: `(batch, points, classes)`.
        """
        own = self.labels if self.targets is None else self.targets
        sign = 1 if self.targets is None else -1
        index = own[:, None, None].expand(-1, logits.shape[1], -1)
        return (sign * (logits - logits.gather(2, index))).scatter(2, index, -sign * torch.inf)

    def suffices(self, leads: Tensor) -> Tensor:
        """Whether leads `(batch, points, classes)` mean success, `(batch, points)`."""
        return (leads.amax(2) if self.targets is None else leads.amin(2)) > 0

    def first_share(self, before: Tensor, after: Tensor) -> Tensor:
        """Where in pieces with affine leads success begins, `(batch, pieces)`.

        Args:
            before: the leads at the starts of the pieces, `(batch, pieces, classes)`.
            after: the leads at their ends.

        Returns:
            Shares of the way from start to end, in [0, 1]; inf where there is no success.
        """
        crossing = before / (before - after)
        begins = torch.where(before > 0, 0, torch.where(after > 0, crossing, torch.inf))
        if self.targets is None:
            return begins.amin(2)
        ends = torch.where(after > 0, 1, torch.where(before > 0, crossing, -torch.inf))
        first = begins.amax(2)
        return torch.where(first <= ends.amin(2), first, torch.inf)
