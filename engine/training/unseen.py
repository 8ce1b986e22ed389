"""Tests trained models on the images that they have neither learned from nor were chosen by."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch.nn import functional

from mnistop.engine.data.dataset import Unseen
from mnistop.engine.model import MLP

_BATCH = 4096
"""Images that are scaled and classified at a time."""


def evaluate_unseen(
    models: Sequence[MLP],
    unseen: Unseen,
    device: torch.device,
    after_batch: Callable[[int], None],
) -> list[tuple[float, float]]:
    """The accuracy and the mean loss of each model.

    Args:
        models: on the device.
        unseen: at least one image.
        device: where to compute.
        after_batch: called with the number of images that are done; may raise to give up.
    """
    right = [0] * len(models)
    losses = [0.0] * len(models)
    done = 0
    for model in models:
        model.eval()
    with torch.inference_mode():
        for images, classes in unseen.batches(_BATCH):
            pixels = torch.from_numpy(images).flatten(1).to(device)
            labels = torch.from_numpy(classes).to(device)
            for place, model in enumerate(models):
                logits = model(pixels)
                right[place] += int((logits.argmax(1) == labels).count_nonzero())
                each = functional.cross_entropy(logits, labels, reduction="none")
                losses[place] += each.nan_to_num().double().sum().item()  # float32's largest for ∞
            done += len(labels)
            after_batch(done)
    return [(hits / done, loss / done) for hits, loss in zip(right, losses, strict=True)]
