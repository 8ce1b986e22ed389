"""Labels of any usual form, as classes numbered from 0.

Whole numbers that start at 0 and end below 100 are taken as they are, with a class for every number
up to the greatest: a small file may lack some. All other labels (numbers that start elsewhere or go
further, and texts) are sorted and counted from 0, and their values become the names of the classes.
Of one-hot labels, the number of the column with the 1 is taken.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.errors import DataError

MAX_CLASSES = 100
"""More classes than this are a mistake, such as pixel values used as labels."""

_WHOLE = re.compile(r"[-+]?\d{1,15}(\.0*)?")
"""A text that is a whole number."""
_GREATEST = 10**15 - 1
"""Longer numbers are no classes, and not all of them are exact as float64."""
_LISTED = 5
"""Texts that a note lists at most."""


@dataclass(frozen=True, eq=False)
class Classes:
    """The labels of a source as classes."""

    labels: list[NDArray[np.int64]]
    """The class of each image, from 0 to `len(names) - 1`, `(n,)` for each part."""
    names: tuple[str, ...]
    """A name for each class."""
    note: str = ""
    """A sentence on what became of the labels; empty if they are taken as they are."""


def number_classes(
    parts: Sequence[tuple[str, NDArray[Any]]], names: tuple[str, ...] | None, source: str
) -> Classes:
    """Number the classes of all parts of a source alike.

    Args:
        parts: the name of each part's labels in messages, and the labels: `(n,)`, `(n, 1)` or
            `(1, n)` of numbers, booleans, texts, bytes, or objects that are texts or numbers, or
            one-hot `(n, k)`.
        names: the names of the classes if the source has them. Its labels are then these names, or
            whole numbers that start at 0 or go from 1 to the number of names.
        source: the source as it was given.

    Raises:
        DataError: the labels are no classes, there is only one class, there are more than 100, or
            names for another number of classes.
    """
    flat = _all_texts_or_numbers([(place, _flat(labels, place)) for place, labels in parts])
    columns = max(labels.shape[1] if _is_table(labels) else 0 for _, labels in parts)
    values, places = np.unique(np.concatenate(flat), return_inverse=True)
    if len(values) == 1:
        raise DataError(
            f"All images of {source} have the label {_quoted(values[0])}: "
            f"a classifier needs at least two classes to tell apart."
        )
    if max(len(values), columns) > MAX_CLASSES:
        raise DataError(
            f"The labels in {parts[0][0]} have {max(len(values), columns):,} different values, "
            f"such as {_quoted(values[-1])}, and {MAX_CLASSES} is the highest possible number of "
            f"classes: store the class of each image."
        )
    classes, names, note = _numbered(values, names, columns, source)
    ends = np.cumsum([len(labels) for labels in flat])[:-1]
    return Classes(np.split(classes.astype(np.int64)[places], ends), names, note)


def _numbered(
    values: NDArray[Any], names: tuple[str, ...] | None, columns: int, source: str
) -> tuple[NDArray[Any], tuple[str, ...], str]:
    """Return the classes of the different labels, the names of all classes, and a note."""
    if values.dtype.kind == "U":
        texts = values.tolist()
        if names is None:
            few = ", ".join(texts[:_LISTED]) + (", …" if len(texts) > _LISTED else "")
            note = f"Labels are texts: the {len(texts)} classes are in sorted order ({few})."
            return np.arange(len(texts)), tuple(texts), note
        if strange := sorted(set(texts) - set(names)):
            raise DataError(
                f"The source {source} has a label {_quoted(strange[0])}, which is not among its "
                f"{len(names)} class names: correct one or the other."
            )
        return np.array([names.index(text) for text in texts]), names, ""

    least, greatest = int(values[0]), int(values[-1])
    if names is not None:
        if (least, greatest) == (1, len(names)):
            return values - 1, names, f"Labels are 1 to {greatest}: they are counted from 0 here."
        count = max(greatest + 1, columns)
        if least < 0 or count != len(names):
            raise DataError(
                f"The source {source} comes with {len(names)} class names, but its labels go from "
                f"{least} to {greatest}: give {count} names, in the order of the labels."
            )
        return values, names, ""
    if columns and greatest >= columns:
        raise DataError(
            f"The source {source} has one-hot labels of {columns} classes and the label {greatest} "
            "besides: store all labels alike."
        )
    if columns:
        note = "Labels are one-hot: the number of the column with the 1, from 0, is the class."
        return values, tuple(map(str, range(columns))), note
    if least == 0 and greatest < MAX_CLASSES:
        return values, tuple(map(str, range(greatest + 1))), ""
    has_gaps = greatest - least >= len(values)
    note = (
        f"Labels are {f'{len(values)} numbers from ' if has_gaps else ''}{least} to {greatest}: "
        "they are counted from 0 here, and keep their numbers as names."
    )
    return np.arange(len(values)), tuple(map(str, values.tolist())), note


def _flat(labels: NDArray[Any], place: str) -> NDArray[Any]:
    """Return labels `(n,)` as texts, or as whole numbers of type int64."""
    if labels.ndim in (3, 4):
        raise DataError(
            f"{place} holds {len(labels):,} images, not labels: "
            f"put the images first and their labels second."
        )
    if labels.size == 0:
        raise DataError(f"{place} holds no labels: choose another one.")
    if _is_table(labels):
        return _ones(labels, place)
    if labels.ndim not in (1, 2):
        raise DataError(
            f"The labels in {place} have {labels.ndim} dimensions: store one label for each image."
        )
    labels = labels.ravel()
    if labels.dtype.kind in "SO":
        labels = _of_objects(labels.tolist(), place)
    if labels.dtype.kind in "UT":
        return _stripped(labels.astype(str), place)
    if labels.dtype.kind not in "buif":
        raise DataError(
            f"The labels in {place} are neither numbers nor texts: store the class of each image."
        )
    numbers = labels.astype(np.float64)
    with np.errstate(invalid="ignore"):
        if not np.all((np.abs(numbers) <= _GREATEST) & (numbers == np.floor(numbers))):
            raise DataError(
                f"The labels in {place} are not all whole numbers: store the number of the class, "
                f"from 0 up, for each image."
            )
    return labels.astype(np.int64)


def _is_table(labels: NDArray[Any]) -> bool:
    return labels.ndim == 2 and 1 not in labels.shape


def _ones(labels: NDArray[Any], place: str) -> NDArray[np.int64]:
    """Return the column of the 1 in each row of one-hot labels."""
    if labels.dtype.kind in "buif" and np.all(
        np.isin(labels, (0, 1)).all(1) & (labels.sum(1) == 1)
    ):
        return np.nonzero(labels)[1].astype(np.int64)
    shape = " × ".join(f"{length:,}" for length in labels.shape)
    raise DataError(
        f"The labels in {place} have the shape {shape}, but are not one-hot, with a single 1 in "
        f"each row: store one label for each image."
    )


def _of_objects(labels: list[Any], place: str) -> NDArray[Any]:
    """Return objects as an array of texts or of numbers."""
    try:
        labels = [label.decode() if isinstance(label, bytes) else label for label in labels]
    except UnicodeDecodeError:
        raise DataError(
            f"The labels in {place} are not texts in UTF-8: store them so, or as numbers."
        ) from None
    kinds = {str if isinstance(label, str) else float for label in labels}
    for index, label in enumerate(labels):
        is_missing = label is None or label != label
        if is_missing or not isinstance(label, str | int | float | np.number | np.bool_):
            what = "missing" if is_missing else f"a {type(label).__name__}"
            raise DataError(
                f"Label {index:,} in {place}, counted from 0, is {what}: store a number or a text "
                f"for each image."
            )
    return np.array(labels, str if str in kinds else None)


def _stripped(texts: NDArray[np.str_], place: str) -> NDArray[np.str_]:
    texts = np.char.strip(texts)
    if not all(texts):
        index = int(np.flatnonzero(texts == "")[0])
        raise DataError(
            f"Label {index:,} in {place}, counted from 0, is empty: store a label for each image."
        )
    return texts


def _all_texts_or_numbers(parts: list[tuple[str, NDArray[Any]]]) -> list[NDArray[Any]]:
    """Return the labels of all parts as numbers, or as texts if any is not a whole number."""
    of_texts = [(place, labels) for place, labels in parts if labels.dtype.kind == "U"]
    words = [
        (place, str(word))
        for place, labels in of_texts
        for word in np.unique(labels)
        if not _WHOLE.fullmatch(word)
    ]
    if not words:
        return [labels.astype(np.float64).astype(np.int64) for _, labels in parts]
    for place, labels in parts:
        if labels.dtype.kind != "U":
            raise DataError(
                f"The labels in {place} are numbers, but {words[0][0]} has texts, such as "
                f"{_quoted(words[0][1])}: store both alike."
            )
    return [labels for _, labels in parts]


def _quoted(label: Any) -> str:
    return repr(str(label)) if isinstance(label, str) else f"{label}"
