"""Which validation images are wanted, as in `true:4 pred:9 conf>0.9 all`, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.filter_grammar import Bound, Field, FilterError, Grammar, Number
from mnistop.engine.runs.predictions import EpochPredictions, LearningTimes

Images = tuple[EpochPredictions, LearningTimes]
"""All validation images: their predictions, and when each was predicted correctly."""
Kind = Literal["wrong", "right", "all"]


@dataclass(frozen=True)
class _Class(Field[Images]):
    noun: ClassVar[str] = "class"

    def find(self, text: str) -> int:
        """The class of a name, spelled exactly or else in any case, or of a number."""
        folded = [name.casefold() for name in self.values]
        if text in self.values:
            return self.values.index(text)
        if text.casefold() in folded:
            return folded.index(text.casefold())
        index = int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else -1
        if not 0 <= index < len(self.values):
            super().find(text)
        return index


@dataclass(frozen=True)
class _Kind(Field[Images]):
    bare: ClassVar[bool] = True

    def passes(self, item: Images, wanted: Kind) -> NDArray[np.bool_]:
        """Return a mask of the images that are right, wrong, or either, `(n,)`."""
        right = item[0].right
        return np.ones_like(right) if wanted == "all" else right == (wanted == "right")


_NUMBERS = (
    Number[Images]("conf", lambda of: of[0].confidence, "conf>0.5", (), 0, 1, percent=True),
    Number[Images]("loss", lambda of: of[0].loss, "loss<0.5", (), 0),
    Number[Images]("margin", lambda of: of[0].margin, "margin<0.5", (), -1, 1, percent=True),
    Number[Images]("first", lambda of: of[1].first, "first>20", (), 0, whole=True),
    Number[Images]("last", lambda of: of[1].last, "last<20", (), 0, whole=True),
)
_KINDS = _Kind("kind", lambda of: of[0].right, "all", ("all", "right", "wrong"))


def grammar(names: Sequence[str]) -> Grammar[Images]:
    """The language of filters for classes of these names."""
    names = [as_word(name) for name in names]
    example = names[4] if len(names) > 4 else "".join(names[:1])
    return Grammar(
        (
            _Class("true", lambda of: of[0].labels, f"true:{example}", names),
            _Class("pred", lambda of: of[0].predicted, f"pred:{example}", names),
            *_NUMBERS,
            _KINDS,
        )
    )


_ANY_CLASSES = grammar(())


def as_word(name: str) -> str:
    """A class's name as it is written in a filter, without spaces."""
    return "_".join(name.split())


@dataclass(frozen=True)
class Filter:
    """A filter of validation images; an empty one passes the mistakes."""

    kind: Kind = "wrong"
    true: int | None = None
    """The true class, None for all."""
    predicted: int | None = None
    """The predicted class, None for all."""
    bounds: tuple[Bound, ...] = ()

    def passes(self, predictions: EpochPredictions, times: LearningTimes) -> NDArray[np.bool_]:
        """Return a mask of the images that pass, `(n,)`.

        Args:
            predictions: the predictions.
            learned: when they were correct.
        """
        wanted: dict[str, Any] = {"kind": self.kind, "true": self.true, "pred": self.predicted}
        wanted |= {bound.field: bound for bound in self.bounds}
        passed: NDArray[np.bool_] = _ANY_CLASSES.passes((predictions, times), wanted)
        return passed


def parse(text: str, names: Sequence[str]) -> Filter:
    """The filter that a text describes.

    Args:
        text: words as in `true:4 pred:9 conf>0.9 loss<2 margin<0.1 first>20 last<50 all`, in any
            order. An equality with a decimal holds for what is rounded to it.
        names: of the classes; a class can be given by its name or its number.

    Raises:
        FilterError: a word is unknown or malformed, or two of them exclude each other.
    """
    wanted = grammar(names).parse(text)
    kind, true, predicted = (wanted.pop(name, None) for name in ("kind", "true", "pred"))
    one_cell = None not in (true, predicted)
    if kind == "right" and one_cell and true != predicted:
        raise FilterError("What is right is predicted as its true class: leave out right.")
    if kind == "wrong" and one_cell and true == predicted:
        raise FilterError("What is wrong is not predicted as its true class: leave out wrong.")
    usual: Kind = "right" if one_cell and true == predicted else "wrong"
    return Filter(kind or usual, true, predicted, tuple(wanted.values()))


OrderName = Literal["confidence", "loss", "margin", "index", "first", "last"]


@dataclass(frozen=True)
class Order:
    """One order; of equals, the lower index comes first."""

    name: OrderName
    short: str
    """In two words."""
    keys: Callable[[Images], NDArray[np.floating | np.integer]]
    """`(n,)`; what comes first has the least."""


ORDERS: tuple[Order, ...] = (
    Order(
        "confidence",
        "by confidence",
        lambda of: np.where(of[0].right, 1, -1) * of[0].confidence,
    ),
    Order("loss", "by loss", lambda of: -of[0].loss),
    Order("margin", "by margin", lambda of: of[0].margin),
    Order("index", "by number", lambda of: np.arange(len(of[0]))),
    Order("first", "by first right", lambda of: -of[1].first),
    Order("last", "by last right", lambda of: of[1].last),
)
"""From the surest mistake to the surest right answer; from the highest loss; from the smallest
margin; by number; from what was never right and then learned last; from what was never right and
then longest not any more."""


def rows(
    chosen: Filter, order: Order, predictions: EpochPredictions, times: LearningTimes
) -> NDArray[np.intp]:
    """The images that pass a filter, in an order.

    Args:
        chosen: the filter.
        order: one of `ORDERS`.
        predictions: the predictions.
        learned: when they were correct.

    Returns:
        Indices of validation images.
    """
    passed = np.flatnonzero(chosen.passes(predictions, times))
    keys = order.keys((predictions, times))[passed]
    sorted_rows: NDArray[np.intp] = passed[np.argsort(keys, kind="stable")]
    return sorted_rows
