"""The largest ε that passes, for many images at once."""

from collections.abc import Callable

import torch
from torch import Tensor

_PRECISION = 1e-3
_MOST_STEPS = 40


def largest_positive(
    value: Callable[[Tensor, Tensor], Tensor], at_zero: Tensor, guess: Tensor
) -> Tensor:
    """The largest number in [0, 1] at which a falling function was found positive.

    From a first guess along secants until the function is not positive, then between both by the
    Illinois method (Dowell and Jarratt 1971, doi:10.1007/BF01934364). For a function that is nearly
    concave that takes four steps; one that does not fall everywhere only makes the result smaller.

    Args:
        value: of rows and a number for each, `(rows,)` both, the function's values there.
        at_zero: its values at 0, `(batch,)`.
        guess: where it may become 0, `(batch,)`.

    Returns:
        float64 `(batch,)`: right to a thousandth, and 0 where the function is not positive at 0.
    """
    low, at_low = torch.zeros_like(at_zero), at_zero.clone()
    high, at_high = torch.full_like(low, torch.inf), torch.full_like(low, -torch.inf)
    rose = torch.zeros_like(low)
    trial = guess.clone()
    rows = (at_zero > 0).nonzero()[:, 0]
    for _ in range(_MOST_STEPS):
        if not len(rows):
            break
        x = trial[rows].clamp(max=1)
        y = value(rows, x)
        a, at_a, b, at_b, before = (each[rows] for each in (low, at_low, high, at_high, rose))
        up = y > 0
        # An end that stays for a second time pulls with half its value, or it would stay for ever.
        halved_a = torch.where(before < 0, at_a / 2, at_a)
        halved_b = torch.where(before > 0, at_b / 2, at_b)
        next_a, at_next_a = torch.where(up, x, a), torch.where(up, y, halved_a)
        next_b, at_next_b = torch.where(up, b, x), torch.where(up, halved_b, y)
        inside = next_a + (next_b - next_a) * at_next_a / (at_next_a - at_next_b)
        onwards = x + torch.where(at_a > y, (x - a) * y / (at_a - y), x)
        low[rows], at_low[rows], high[rows], at_high[rows] = next_a, at_next_a, next_b, at_next_b
        trial[rows] = torch.where(next_b.isinf(), onwards, inside)
        rose[rows] = torch.where(up, 1.0, -1.0).to(rose.dtype)
        rows = rows[(next_b - next_a > _PRECISION * next_b.clamp(max=1)) & (next_a < 1)]
    return low
