"""The learning rate of each epoch."""

import math

from mnistop.engine.config import RunConfig

_SAMPLED = 200
"""So many epochs, evenly spread, tell of all: there may be a million."""


def lr_of_epoch(config: RunConfig, epoch: int) -> float:
    """The learning rate during an epoch, counted from 0.

    `cosine` is half a cosine from `lr` to 0 (Loshchilov and Hutter 2017, equation 5, without
    restarts); `step` divides by 10 at half and at three quarters of the epochs (He et al. 2016,
    section 4.2).
    """
    done = epoch / config.epochs
    match config.schedule:
        case "constant":
            return config.lr
        case "cosine":
            return config.lr * (1 + math.cos(math.pi * done)) / 2
        case "step":
            return config.lr * 0.1 ** ((done >= 0.5) + (done >= 0.75))


def mean_share(config: RunConfig, begin: int, end: int) -> float:
    """The mean share of the full rate that the epochs from `begin` to before `end` have."""
    some = range(begin, end, max(1, (end - begin) // _SAMPLED))
    return sum(lr_of_epoch(config, epoch) / config.lr for epoch in some) / len(some)
