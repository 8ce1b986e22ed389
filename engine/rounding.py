"""Bounds of an ε in decimals, rounded outwards: what is shown is as true as what was found.

NumPy is needed for float32, so these are not among the other words of numbers, which the first
frame and quick commands load.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import numpy as np


def at_least(epsilon: float | np.float32, digits: int = 4) -> str:
    """The lower end of a bracket: never more than the float32 number that an ε is."""
    return _rounded(epsilon, digits, ROUND_FLOOR)


def at_most(epsilon: float | np.float32, digits: int = 4) -> str:
    """The upper end of a bracket: never less than the float32 number that an ε is."""
    return _rounded(epsilon, digits, ROUND_CEILING)


def _rounded(number: float | np.float32, digits: int, rounding: str) -> str:
    return str(Decimal(str(np.float32(number))).quantize(Decimal(1).scaleb(-digits), rounding))
