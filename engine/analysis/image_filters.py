"""Filters of validation images, as in `true:4 pred:9 conf>0.9 all`, and their orders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.filter_grammar import Bound, Field, FilterError, Grammar, Number
from mnistop.engine.runs.predictions import EpochPredictions, LearningTimes

Images = tuple[EpochPredictions, LearningTimes]
"""All validation images: their predictions, and the epochs at which each was correct."""
Kind = Literal["wrong", "right", "all"]


@dataclass(frozen=True)
class _Class(Field[Images]):
    noun: ClassVar[str] = "class"

    def find(self, text: str) -> int:
        """Return the class of a name, in any case if no spelling is exact, or of a number."""
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
    """Return the grammar of filters for classes with these names."""
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
    """Return a class's name as it is written in a filter, without spaces."""
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
            times: the epochs at which they were correct.
        """
        wanted: dict[str, Any] = {"kind": self.kind, "true": self.true, "pred": self.predicted}
        wanted |= {bound.field: bound for bound in self.bounds}
        passed: NDArray[np.bool_] = _ANY_CLASSES.passes((predictions, times), wanted)
        return passed


def parse(text: str, names: Sequence[str]) -> Filter:
    """Parse a filter.

    Args:
        text: words as in `true:4 pred:9 conf>0.9 loss<2 margin<0.1 first>20 last<50 all`, in any
            order. An equality with a decimal matches values that round to it.
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
    """Return the sort keys, `(n,)`, least first."""


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
"""From the most confident mistake to the most confident correct prediction; from the highest loss;
from the smallest margin; by number; from never correct, then learned last; from never correct, then
forgotten longest."""


def rows(
    chosen: Filter, order: Order, predictions: EpochPredictions, times: LearningTimes
) -> NDArray[np.intp]:
    """Return the images that pass a filter, in an order.

    Args:
        chosen: the filter.
        order: one of `ORDERS`.
        predictions: the predictions.
        times: the epochs at which they were correct.

    Returns:
        Indices of validation images.
    """
    passed = np.flatnonzero(chosen.passes(predictions, times))
    keys = order.keys((predictions, times))[passed]
    sorted_rows: NDArray[np.intp] = passed[np.argsort(keys, kind="stable")]
    return sorted_rows
