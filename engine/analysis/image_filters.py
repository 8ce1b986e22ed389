"""Which validation images are wanted, as in `true:4 pred:9 conf>0.9 all`, and in which order."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.filter_grammar import (
    WORD,
    Bound,
    FilterError,
    compared,
    completed,
    exclude,
    last_word,
    nearest,
    rounded,
    words,
)
from mnistop.engine.filter_grammar import number as number_in
from mnistop.engine.runs.predictions import Judgement, Learned

Kind = Literal["wrong", "right", "all"]

CLASSES = ("true", "pred")
KINDS: tuple[Kind, ...] = ("all", "right", "wrong")
LIMITS: dict[str, tuple[float, float]] = {
    "conf": (0, 1),
    "loss": (0, math.inf),
    "margin": (-1, 1),
    "first": (0, math.inf),
    "last": (0, math.inf),
}
"""What can be compared with a number, and the least and the largest that makes sense."""

_EPOCHS = ("first", "last")
_USUAL = {"conf": ">", "loss": "<", "margin": "<", "first": ">", "last": "<"}
_POSSIBLE = "true: pred: conf> loss< margin< first> last< all right wrong"


@dataclass(frozen=True)
class Filter:
    """Which validation images are wanted; without anything, those predicted wrongly."""

    kind: Kind = "wrong"
    true: int | None = None
    """The true class, None for all."""
    predicted: int | None = None
    """The predicted class, None for all."""
    bounds: tuple[Bound, ...] = ()

    def passes(self, judgement: Judgement, learned: Learned) -> NDArray[np.bool_]:
        """Which images are wanted, `(n,)`.

        Args:
            judgement: what the model says to them.
            learned: when it said the right thing.
        """
        passed = np.ones(len(judgement), np.bool_)
        if self.kind != "all":
            passed &= judgement.right == (self.kind == "right")
        if self.true is not None:
            passed &= judgement.labels == self.true
        if self.predicted is not None:
            passed &= judgement.predictions == self.predicted
        for bound in self.bounds:
            passed &= bound.passes(_values(bound.field, judgement, learned))
        return passed


def _values(
    field: str, judgement: Judgement, learned: Learned
) -> NDArray[np.floating | np.integer]:
    match field:
        case "conf":
            return judgement.confidence
        case "loss":
            return judgement.loss
        case "margin":
            return judgement.margin
        case "first":
            return learned.first
    return learned.last


def parse(text: str, names: Sequence[str]) -> Filter:
    """The filter that a text describes.

    Args:
        text: words as in `true:4 pred:9 conf>0.9 loss<2 margin<0.1 first>20 last<50 all`, in any
            order. An equality with a decimal holds for what is rounded to it.
        names: of the classes; a class can be given by its name or its number.

    Raises:
        FilterError: a word is unknown or malformed, or two of them exclude each other.
    """
    kinds: dict[str, str] = {}
    classes: dict[str, tuple[int, str]] = {}
    bounds: dict[str, tuple[Bound, str]] = {}
    for word in words(text):
        if word.lower() in KINDS:
            kinds[word.lower()] = word
            continue
        match = WORD.fullmatch(word)
        field = match[1].lower() if match else ""
        if match and field in CLASSES:
            index = _class(word, match[2], match[3], names)
            before = classes.setdefault(field, (index, word))
            if before[0] != index:
                raise exclude(before[1], word)
        elif match and field in LIMITS:
            bound = _bound(word, field, match[2], match[3])
            earlier, said = bounds.get(field, (bound, word))
            both = earlier.narrowed(bound)
            if both.is_empty:
                raise exclude(said, word)
            bounds[field] = (both, word)
        else:
            raise _unknown(word, field)
    if len(kinds) > 1:
        raise exclude(*list(kinds)[:2])
    true, predicted = (classes.get(field, (None, ""))[0] for field in CLASSES)
    kind = _kind(next(iter(kinds), None), true, predicted)
    return Filter(kind, true, predicted, tuple(bound for bound, _ in bounds.values()))


def _kind(said: str | None, true: int | None, predicted: int | None) -> Kind:
    one_cell = true is not None and predicted is not None
    if said == "right" and one_cell and true != predicted:
        raise FilterError("What is right is predicted as its true class: leave out right.")
    if said == "wrong" and one_cell and true == predicted:
        raise FilterError("What is wrong is not predicted as its true class: leave out wrong.")
    for kind in KINDS:
        if said == kind:
            return kind
    return "right" if one_cell and true == predicted else "wrong"


def _class(word: str, comparison: str, name: str, names: Sequence[str]) -> int:
    field = word[:4].lower()
    if comparison not in (":", "="):
        raise FilterError(f'"{word}": a class is not larger or smaller; say {field}:{names[0]}.')
    found = class_number(name, names)
    if found is None:
        words = [] if name.isdecimal() else [as_word(one) for one in names]
        near = difflib.get_close_matches(name, words, 1)
        hint = f"did you mean {near[0]}?" if near else f"they are {_listed(names)}."
        problem = f"there is no class {name}" if name else "the class is missing"
        raise FilterError(f'"{word}": {problem}; {hint}')
    return found


def class_number(name: str, names: Sequence[str]) -> int | None:
    """The class of a name, spelled exactly or else in any case, or of a number; None for none."""
    spelled = [as_word(one) for one in names]
    folded = [one.casefold() for one in spelled]
    if name in spelled:
        return spelled.index(name)
    if name.casefold() in folded:
        return folded.index(name.casefold())
    number = int(name) if name.isascii() and name.isdecimal() and len(name) < 9 else -1
    return number if 0 <= number < len(names) else None


def as_word(name: str) -> str:
    """A class's name as it is written in a filter, without spaces."""
    return "_".join(name.split())


def _bound(word: str, field: str, comparison: str, number: str) -> Bound:
    low, high = LIMITS[field]
    share = field in ("conf", "margin") and number.endswith("%")
    digits = number.removesuffix("%") if share else number
    scale = 100 if share else 1
    value = number_in(digits) / scale
    if field in _EPOCHS and value != value // 1:
        raise FilterError(f'"{word}": an epoch is a whole number, as in {field}{_USUAL[field]}20.')
    if not math.isfinite(value):
        raise FilterError(f'"{word}": a number is missing, as in {field}{_USUAL[field]}0.5.')
    if not low <= value <= high:
        ends = f"at least {low}" if high == math.inf else f"from {low} to {high}"
        raise FilterError(f'"{word}": {field} is {ends}.')
    if comparison not in (":", "="):
        return compared(field, comparison, value)
    if field in _EPOCHS:
        return Bound(field, value, value)
    return rounded(field, value, digits, scale)


def _unknown(word: str, field: str) -> FilterError:
    known = [*CLASSES, *LIMITS, *KINDS]
    bare = word.lower()
    if bare in CLASSES:
        return FilterError(f'"{word}": a class is missing, as in {bare}:4.')
    if bare in LIMITS:
        return FilterError(f'"{word}": a number is missing, as in {bare}{_USUAL[bare]}0.5.')
    if near := nearest(field or bare, known):
        return FilterError(f'"{word}" is not known: did you mean {near}?')
    return FilterError(f'"{word}" is not known; there are {_POSSIBLE}.')


def _listed(names: Sequence[str]) -> str:
    few = ", ".join(as_word(name) for name in names[:10])
    return few if len(names) <= 10 else f"{few} and {len(names) - 10} more"


def complete(text: str, names: Sequence[str]) -> list[str]:
    """What a text that is being typed may become: with its last word completed.

    Args:
        text: the line up to the cursor.
        names: of the classes.

    Returns:
        Whole lines that begin with `text`, the likeliest first; none at the start of a word.
    """
    start, last = last_word(text)
    if not last:
        return []
    said = {word.partition(":")[0].lower() for word in start.split()}
    possible = [f"{field}:" for field in CLASSES if field not in said]
    possible += [field + usual for field, usual in _USUAL.items()] + list(KINDS)
    for field in CLASSES:
        if last.lower().startswith(f"{field}:"):
            possible = [f"{field}:{as_word(name)}" for name in names]
    return completed(text, last, possible)


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
