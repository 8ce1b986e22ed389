"""Labels of any usual form, as classes numbered from 0.

Whole numbers that start at 0 and end below 100 are taken as they are, with a class for every number
up to the greatest: a small file may lack some. All other labels (numbers that start elsewhere or go
further, and texts) are sorted and counted from 0, and their values become the names of the classes.
Of one-hot labels, the number of the column with the 1 is taken.

Images may lack a label: NaN, None, an empty text or `NA`, or -1 beside classes that start at 0 or
1, as Hugging Face's `datasets` marks the images of a test.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.errors import DataError
from mnistop.engine.formatting import name_list

MAX_CLASSES = 100
"""More classes than this are a mistake, such as pixel values used as labels."""

_WHOLE = re.compile(r"[-+]?\d{1,15}(\.0*)?")
"""A text that is a whole number."""
MISSING = ("", "nan", "NaN", "NA", "N/A", "n/a", "#N/A", "<NA>", "null", "NULL", "None")
"""Texts that pandas and others write in place of a missing value."""
_UNLABELLED = -1
_GREATEST = 10**15 - 1
"""Longer numbers are no classes, and not all of them are exact as float64."""
_LISTED = 5
"""Texts that a note lists at most."""


@dataclass(frozen=True, eq=False)
class Classes:
    """The labels of a source as classes."""

    labels: list[NDArray[np.int64]]
    """The class of each image, from 0 to `len(names) - 1`, or -1 without a label, `(n,)` for each
    part."""
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
            `(1, n)` of numbers, booleans, texts, bytes, or objects that are texts, numbers or
            missing, or one-hot `(n, k)`.
        names: the names of the classes if the source has them. Its labels are then these names, or
            whole numbers that start at 0 or go from 1 to the number of names.
        source: the source as it was given.

    Raises:
        DataError: the labels are no classes, there is only one class, there are more than 100, or
            names for another number of classes.
    """
    places = [place for place, _ in parts]
    stored = [_flat(labels, place, names or ()) for place, labels in parts]
    flat = _all_texts_or_numbers(places, [labels for labels, _ in stored])
    columns = max(labels.shape[1] if _is_table(labels) else 0 for _, labels in parts)
    values, indices = np.unique(np.concatenate(flat), return_inverse=True)
    has_unlabelled = _has_unlabelled(values, flat, names)
    if has_unlabelled:
        values = values[1:]
    if not len(values):
        raise DataError(
            f"All labels in {places[0]} are missing: store the class of each image, or name "
            "another file."
        )
    if len(values) == 1:
        raise DataError(
            f"All images of {source} have the label {_quoted(values[0])}: "
            f"a classifier needs at least two classes to tell apart."
        )
    if max(len(values), columns) > MAX_CLASSES:
        raise DataError(
            f"The labels in {places[0]} have {max(len(values), columns):,} different values, "
            f"such as {_quoted(values[-1])}, and {MAX_CLASSES} is the highest possible number of "
            f"classes: store the class of each image."
        )
    classes, names, note = _numbered(values, names, columns, source)
    if has_unlabelled:
        classes = np.array([-1, *classes])
    ends = np.cumsum([len(labels) for labels in flat])[:-1]
    numbered = []
    for found, (_, present) in zip(
        np.split(classes.astype(np.int64)[indices], ends), stored, strict=True
    ):
        labels = np.full(len(present), -1)
        labels[present] = found
        numbered.append(labels)
    return Classes(numbered, names, note)


def _has_unlabelled(
    values: NDArray[Any], parts: Sequence[NDArray[Any]], names: tuple[str, ...] | None
) -> bool:
    """Return whether -1 marks images without a label, and is no class.

    Args:
        values: the different labels of all parts, sorted.
        parts: the labels of each.
        names: the names of the classes if the source has them.
    """
    if values.dtype.kind == "U" or not len(values) or values[0] != _UNLABELLED:
        return False
    if len(values) == 1 or names is not None:
        return True
    others = values[1:]
    is_count = others[0] in (0, 1) and others[-1] - others[0] + 1 == len(others) > 2
    is_part = any(len(labels) and np.all(labels == _UNLABELLED) for labels in parts)
    return is_count or (is_part and others[0] >= 0)


def _numbered(
    values: NDArray[Any], names: tuple[str, ...] | None, columns: int, source: str
) -> tuple[NDArray[Any], tuple[str, ...], str]:
    """Return the classes of the different labels, the names of all classes, and a note."""
    if values.dtype.kind == "U":
        texts = values.tolist()
        if names is None:
            few = name_list(texts, _LISTED)
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


def _flat(
    labels: NDArray[Any], place: str, names: Sequence[str]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the labels that are there, `(m,)`, and a mask of the images that have one, `(n,)`.

    They are texts, or whole numbers of type int64.
    """
    if labels.ndim in (3, 4):
        raise DataError(
            f"{place} holds {len(labels):,} images, not labels: "
            f"put the images first and their labels second."
        )
    if labels.size == 0:
        raise DataError(f"{place} holds no labels: choose another one.")
    if _is_table(labels):
        return _ones(labels, place), np.ones(len(labels), bool)
    if labels.ndim not in (1, 2):
        raise DataError(
            f"The labels in {place} have {labels.ndim} dimensions: store one label for each image."
        )
    labels = labels.ravel()
    if labels.dtype.kind in "SO":
        labels = _of_objects(labels.tolist(), place)
    if labels.dtype.kind in "UT":
        texts = np.char.strip(labels.astype(str))
        present = ~np.isin(texts, [text for text in MISSING if text not in names])
        return texts[present], present
    if labels.dtype.kind not in "buif":
        raise DataError(
            f"The labels in {place} are neither numbers nor texts: store the class of each image."
        )
    present = ~np.isnan(labels)
    numbers = labels[present].astype(np.float64)
    if not np.all((np.abs(numbers) <= _GREATEST) & (numbers == np.floor(numbers))):
        raise DataError(
            f"The labels in {place} are not all whole numbers: store the number of the class, "
            f"from 0 up, for each image."
        )
    return labels[present].astype(np.int64), present


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
    missing = [_is_missing(label) for label in labels]
    there = [label for label, is_missing in zip(labels, missing, strict=True) if not is_missing]
    for label in there:
        if not isinstance(label, str | int | float | np.number | np.bool_):
            raise DataError(
                f"Label {labels.index(label):,} in {place}, counted from 0, is a "
                f"{type(label).__name__}: store a number or a text for each image."
            )
    if any(isinstance(label, str) for label in there):
        return np.array(["" if _is_missing(label) else label for label in labels], str)
    if any(missing):
        return np.array([np.nan if _is_missing(label) else label for label in labels], np.float64)
    return np.array(labels)


def _is_missing(label: Any) -> bool:
    """Return whether an object is None, NaN, or pandas' NA."""
    if label is None or type(label).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(label, float | np.floating) and bool(np.isnan(label))


def _all_texts_or_numbers(
    places: Sequence[str], parts: Sequence[NDArray[Any]]
) -> list[NDArray[Any]]:
    """Return the labels of all parts as numbers, or as texts if any is not a whole number."""
    words = [
        (place, str(word))
        for place, labels in zip(places, parts, strict=True)
        if labels.dtype.kind == "U"
        for word in np.unique(labels)
        if not _WHOLE.fullmatch(word)
    ]
    if not words:
        return [labels.astype(np.float64).astype(np.int64) for labels in parts]
    for place, labels in zip(places, parts, strict=True):
        if labels.dtype.kind != "U" and len(labels):
            raise DataError(
                f"The labels in {place} are numbers, but {words[0][0]} has texts, such as "
                f"{_quoted(words[0][1])}: store both alike."
            )
    return [labels.astype(str) for labels in parts]


def distinct(names: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """Return class names of which no two are the same, and a note if some were.

    The second of the same name gets `(2)` appended, and so on.
    """
    found: list[str] = []
    for name in names:
        number, one = 1, name
        while one in found:
            number += 1
            one = f"{name} ({number})"
        found.append(one)
    changed = [one for one, name in zip(found, names, strict=True) if one != name]
    note = f"Classes of the same name are numbered: {name_list(changed, _LISTED)}."
    return tuple(found), note if changed else ""


def _quoted(label: Any) -> str:
    return repr(str(label)) if isinstance(label, str) else f"{label}"
