"""The orders in which validation images are looked through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.analysis.image_filters import Filter
from mnistop.engine.runs.predictions import Judgement, Learned

OrderName = Literal["confidence", "loss", "margin", "index", "first", "last"]


@dataclass(frozen=True)
class Order:
    """One order; of equals, the lower index comes first."""

    name: OrderName
    short: str
    """In two words."""
    words: str
    """What comes first."""


ORDERS: tuple[Order, ...] = (
    Order("confidence", "by confidence", "most confidently wrong first"),
    Order("loss", "by loss", "highest loss first"),
    Order("margin", "by margin", "smallest margin first"),
    Order("index", "by number", "by image number"),
    Order("first", "by first right", "latest learned first"),
    Order("last", "by last right", "longest wrong first"),
)


def rows(
    chosen: Filter, order: OrderName, judgement: Judgement, learned: Learned
) -> NDArray[np.intp]:
    """The images that pass a filter, in an order.

    Args:
        chosen: the filter.
        order: `confidence` goes from the surest mistake to the surest right answer; `loss` falls,
            `margin` and `index` rise; `first` falls from what was never right and then learned
            last, `last` rises from what was never right and then longest not any more.
        judgement: what the model says to the images.
        learned: when it said the right thing.

    Returns:
        Indices of validation images.
    """
    passed = np.flatnonzero(chosen.passes(judgement, learned))
    keys: NDArray[np.floating | np.integer]
    match order:
        case "confidence":
            sign = np.where(judgement.right[passed], 1, -1)
            keys = sign * judgement.confidence[passed]
        case "loss":
            keys = -judgement.loss[passed]
        case "margin":
            keys = judgement.margin[passed]
        case "index":
            return passed
        case "first":
            keys = -learned.first[passed]
        case "last":
            keys = learned.last[passed]
    sorted_rows: NDArray[np.intp] = passed[np.argsort(keys, kind="stable")]
    return sorted_rows
