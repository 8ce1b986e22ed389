"""Odd images of a data set: copies, leaks, blank and unusual ones, and classes that are rare.

    findings = examine(dataset, val)

Images are read a few megabytes at a time, those of the test, too. An image is known by its number:
its place among the images of the data set, and beyond them among the unseen ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.data.dataset import Dataset
from mnistop.engine.data.notes import FAINT
from mnistop.engine.formatting import count, name_list

Severity = Literal["error", "warning", "note"]
Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""Something must be wrong, probably is, or may be; the worst first."""
SIDES = ("training", "validation", "test")
"""The uses of an image, by number."""

RARE = 10
"""A class is rare if the largest one has more than this many times its images."""
FAR_OUT = 3.0
"""Interquartile ranges beyond a quartile from which on a value is far out (Tukey, "Exploratory Data
Analysis", 1977, section 2D)."""
_FEW = 20
"""A class of fewer images has no quartiles to compare with."""
_MOST = 0.9
"""The share of images that must be alike for the others to be unusual."""
_LIGHT = 0.75
"""A background from this on is light, and one below 1 minus this is dark."""
_BYTES = 1 << 23


@dataclass(frozen=True, eq=False)
class Finding:
    """Something odd about some images."""

    kind: str
    """A few words."""
    severity: Severity
    sentence: str
    images: Numbers
    """Their numbers, those that belong together next to each other, `(m,)`."""
    remarks: tuple[str, ...] = ()
    """A few words on each image, `(m,)`; empty for none."""


def examine(dataset: Dataset, val: Numbers) -> list[Finding]:
    """Find what is odd about images and classes, the worst first.

    Classes without images are not among it: `data_notes` has them.

    Args:
        dataset: the images.
        val: the rows of the validation images.
    """
    traits = _measure(dataset, val)
    found = [
        *_copies(dataset, traits),
        *_unusual(traits),
        *_sizes(traits),
        _rare(dataset),
    ]
    return sorted(
        (one for one in found if len(one.images)), key=lambda one: SEVERITIES.index(one.severity)
    )


def side_of_each(dataset: Dataset, val: Numbers) -> NDArray[np.uint8]:
    """Return the place in `SIDES` of each image, the unseen ones last, `(n,)`."""
    sides = np.zeros(len(dataset) + len(dataset.unseen), np.uint8)
    sides[val] = 1
    sides[len(dataset) :] = 2
    return sides


def first_alike(batches: Iterable[Floats]) -> Numbers:
    """Return for each image the number of the first one with the same pixels, `(n,)`.

    They are compared by digests of 128 bits, which differ for all images that fit into a memory.

    Args:
        batches: the images, `(batch, …)` each.
    """
    known: dict[bytes, int] = {}
    first: list[int] = []
    for images in batches:
        rows = images.reshape(len(images), -1) + np.float32(0)  # which makes 0 of -0
        rows = np.ascontiguousarray(rows)
        for row in rows:
            digest = hashlib.blake2b(row, digest_size=16).digest()
            first.append(known.setdefault(digest, len(first)))
    return np.array(first, np.int64)


def in_batches(dataset: Dataset, unseen: bool = True) -> Iterator[Floats]:
    """Yield the images, the unseen ones last if they are wanted, a few megabytes at a time."""
    size = max(1, _BYTES // dataset.images[0].nbytes)
    for start in range(0, len(dataset), size):
        yield dataset.images[start : start + size]
    if unseen:
        for images, _ in dataset.unseen.batches(size):
            yield images


@dataclass(frozen=True, eq=False)
class _Traits:
    """Facts about each image, the unseen ones last, `(n,)` each."""

    labels: Numbers
    side: NDArray[np.uint8]
    """The place in `SIDES`."""
    first: Numbers
    """The first image with the same pixels."""
    span: Floats
    """The share of black to white that its pixels span."""
    background: Floats
    """The median of the pixels at its edges."""
    ink: Floats
    """The mean distance of its pixels from the background."""


def _measure(dataset: Dataset, val: Numbers) -> _Traits:
    facts = []
    for images in in_batches(dataset):
        gray = images.mean(-1) if images.ndim == 4 else images
        edges = [gray[:, 0], gray[:, -1], gray[:, :, 0], gray[:, :, -1]]
        background = np.median(np.concatenate(edges, axis=1), axis=1)
        ink = np.abs(gray - background[:, None, None]).mean((1, 2))
        span = np.ptp(images.reshape(len(images), -1), axis=1)
        facts.append(np.stack([span, background, ink]))
    span, background, ink = np.concatenate(facts, axis=1).astype(np.float32)
    return _Traits(
        labels=np.concatenate([dataset.labels, *dataset.unseen.labels]),
        side=side_of_each(dataset, val),
        first=first_alike(in_batches(dataset)),
        span=span,
        background=background,
        ink=ink,
    )


def _copies(dataset: Dataset, traits: _Traits) -> Iterator[Finding]:
    """Yield the images that repeat others pixel for pixel, but for blank ones."""
    labels, side = traits.labels, traits.side
    images = np.arange(len(labels))
    first = np.where(traits.span > 0, traits.first, images)
    lowest, highest, foremost = labels.copy(), labels.copy(), side.copy()
    np.minimum.at(lowest, first, labels)
    np.maximum.at(highest, first, labels)
    np.minimum.at(foremost, first, side)
    conflict, earlier = (lowest != highest)[first], foremost[first]
    again = np.ones(len(first), np.bool_)
    again[np.unique(first * len(SIDES) + side, return_index=True)[1]] = False
    kinds: tuple[tuple[str, Severity, str, Mask, str], ...] = (
        (
            "same image, other label",
            "error",
            "image",
            conflict & (first != images),
            "copied from another one, but with a different label: one of the two labels is wrong.",
        ),
        (
            "test images seen",
            "warning",
            "test image",
            (side == 2) & (earlier < 2),
            "also used for training or validation: the test accuracy is too high.",
        ),
        (
            "validation images seen",
            "warning",
            "validation image",
            (side == 1) & (earlier < 1),
            "also used for training: the validation accuracy is too high.",
        ),
        (
            "copies",
            "note",
            "image",
            again & ~conflict,
            "copied from another one on the same side of the split, so each counts more than once.",
        ),
    )
    for kind, severity, thing, copies, words in kinds:
        shown = np.flatnonzero(np.isin(first, first[copies]))
        shown = shown[np.argsort(first[shown], kind="stable")]
        remarks = tuple(
            f"= {dataset.name_of(original)}" if original != image else ""
            for image, original in zip(shown.tolist(), first[shown].tolist(), strict=True)
        )
        sentence = _sentence(int(copies.sum()), thing, words)
        yield Finding(kind, severity, sentence, shown, remarks)


def _unusual(traits: _Traits) -> Iterator[Finding]:
    """Yield images without content, and those on another background than nearly all."""
    blank, faint = traits.span == 0, traits.span < FAINT
    yield _finding("blank", "warning", blank, "blank: all pixels are the same.")
    if faint.mean() <= 1 - _MOST:  # the notes have it if most are
        words = "nearly blank: the pixels hardly differ."
        yield _finding("little contrast", "warning", faint & ~blank, words)
    light, dark = traits.background >= _LIGHT, traits.background <= 1 - _LIGHT
    for ground, odd, other, rest in (
        ("light", light, "dark", dark),
        ("dark", dark, "light", light),
    ):
        if rest.mean() >= _MOST:
            words = f"on a {ground} background, while nearly all others are on a {other} one."
            yield _finding("other background", "warning", odd & ~blank, words)


def _sizes(traits: _Traits) -> Iterator[Finding]:
    """Yield images with far less or far more ink than others of their class."""
    ink = np.log(np.maximum(traits.ink, np.finfo(np.float32).tiny))
    little, much = np.zeros(len(ink), np.bool_), np.zeros(len(ink), np.bool_)
    for label in np.unique(traits.labels):
        rows = np.flatnonzero((traits.labels == label) & (traits.span >= FAINT))
        if len(rows) >= _FEW:
            low, high = np.quantile(ink[rows], (0.25, 0.75))
            little[rows] = ink[rows] < low - FAR_OUT * (high - low)
            much[rows] = ink[rows] > high + FAR_OUT * (high - low)
    for kind, odd, more in (("little ink", little, "less"), ("much ink", much, "more")):
        words = f"drawn with far {more} ink than the others of the same class."
        yield _finding(kind, "note", odd, words)


def _rare(dataset: Dataset) -> Finding:
    """Return the classes with few images to train on and to validate with."""
    counts, names = np.bincount(dataset.labels, minlength=dataset.classes), dataset.class_names
    rare = np.flatnonzero((counts > 0) & (counts * RARE < counts.max()))
    rare = rare[np.argsort(counts[rare], kind="stable")]
    few = ", ".join(
        f"{name_list([names[label]])} ({count(int(counts[label]), 'image')})" for label in rare[:3]
    )
    largest = int(counts.argmax())
    sentence = (
        f"{len(rare)} {'class is' if len(rare) == 1 else 'classes are'} rare: {few}"
        f"{', …' if len(rare) > 3 else ''}; the largest, {name_list([names[largest]])}, has "
        f"{counts[largest]:,}. The accuracy hardly depends on rare classes; class weights or the "
        "balanced sampler help a model to learn them."
    )
    images = np.flatnonzero(np.isin(dataset.labels, rare))
    images = images[np.lexsort((dataset.labels[images], counts[dataset.labels[images]]))]
    return Finding("rare classes", "note", sentence, images)


def _finding(kind: str, severity: Severity, odd: Mask, words: str) -> Finding:
    """Return a finding whose sentence begins with the number of images."""
    images = np.flatnonzero(odd)
    return Finding(kind, severity, _sentence(len(images), "image", words), images)


def _sentence(number: int, thing: str, words: str) -> str:
    return f"{count(number, thing)} {'is' if number == 1 else 'are'} {words}"
