"""Curves for tests of charts, and where their characters stand."""

import math

import numpy as np

from mnistop.tui.draw.series import Series

LN10 = ("ln 10", math.log(10))


def places(strips, char):
    """All (x, y) where a character stands below the legend."""
    return [
        (x, y)
        for y, strip in enumerate(strips[1:], start=1)
        for x, other in enumerate(strip.text)
        if other == char
    ]


def loss_curves(epochs=100):
    epoch = np.arange(epochs)
    train = 2.0 * np.exp(-epoch / 12)
    val = 0.5 + 1.2 * np.exp(-epoch / 5) + 0.002 * epoch
    return [Series("train", train, "train"), Series("val", val, "val")]
