"""Warnings about the data of a run: nearly blank images, classes without images.

Light enough for the process that draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mnistop.engine.events import RunStarted
from mnistop.engine.formatting import name_list

FAINT = 1 / 8
"""Images whose pixels span less than this share of black to white are nearly blank."""

NOTABLE = 0.1
"""Classes without images are notable if they are at least this share of all."""

_NAMED = 3
"""The most classes named."""


def low_contrast(contrast: float) -> tuple[str, str]:
    """Return a sentence and a remedy for images of low contrast; empty for others.

    Args:
        contrast: the share of black to white that a typical image spans, in [0, 1].
    """
    if contrast >= FAINT:
        return "", ""
    span = "are all the same"
    if contrast:
        span = f"span only {contrast:.2g} of the way from black to white"
    return (
        f"The images are nearly blank: the pixels of a typical one {span}.",
        "Look at them on the data screen, and set the pixel range or use another source.",
    )


@dataclass(frozen=True)
class ClassCounts:
    """The images of each class."""

    names: tuple[str, ...]
    """A name for each class, `(k,)`; the other fields have the same length."""
    training: tuple[int, ...]
    """Images to train on."""
    validation: tuple[int, ...]
    """Images to validate with."""
    source: tuple[int, ...]
    """Images in the whole source."""

    @classmethod
    def of(cls, started: RunStarted) -> ClassCounts | None:
        """Return the counts that a run has recorded; None if they are missing or inconsistent."""
        counts = started.training_counts, started.validation_counts, started.source_counts
        if any(len(part) != len(started.class_names) for part in counts):
            return None
        return cls(tuple(started.class_names), *map(tuple, counts))

    @property
    def unused(self) -> list[int]:
        """Classes without any image in the source."""
        return [index for index, count in enumerate(self.source) if not count]

    @property
    def untrained(self) -> list[int]:
        """Classes of the source without a training image."""
        return self._without(self.training)

    @property
    def unvalidated(self) -> list[int]:
        """Classes with a training image but without a validation image."""
        missing = self._without(self.validation)
        return [index for index in missing if self.training[index]]

    def _without(self, part: tuple[int, ...]) -> list[int]:
        return [
            index
            for index, count in enumerate(part)
            if not count and (self.source[index] or self.training[index] or self.validation[index])
        ]

    @property
    def is_of_one_class(self) -> bool:
        """True if all training images have the same label."""
        return sum(count > 0 for count in self.training) == 1

    def is_notable(self, missing: Sequence[int]) -> bool:
        """Return whether these are a notable share of the classes."""
        return len(missing) >= NOTABLE * (len(self.names) - len(self.unused))

    def listed(self, classes: Sequence[int]) -> str:
        """Return the names of some classes, only the first three of many."""
        return name_list([self.names[index] for index in classes], _NAMED)

    def share(self, classes: Sequence[int]) -> str:
        """Return a phrase as in `5 of the 10 classes have`."""
        have = "has" if len(classes) == 1 else "have"
        return f"{len(classes)} of the {len(self.names)} classes {have}"

    @property
    def one_class(self) -> tuple[str, str]:
        """A sentence and a remedy for training images that are all of one class."""
        (index,) = (index for index, count in enumerate(self.training) if count)
        return (
            f"All {self.training[index]:,} training images are of one class, "
            f"{name_list([self.names[index]])}: a model can only learn to name that one.",
            "Use more samples, or shuffle the source's images.",
        )

    @property
    def missing_training(self) -> tuple[str, str]:
        """A sentence and a remedy for `untrained`; empty where there are none."""
        missing = self.untrained
        if not missing:
            return "", ""
        absent = not any(self.validation[index] for index in missing)
        they, them = ("it", "it") if len(missing) == 1 else ("they", "them")
        fate = f"validation accuracy says nothing about {them}"
        fate = fate if absent else f"{they} cannot be learned"
        return (
            f"{self.share(missing)} no training image ({self.listed(missing)}): {fate}.",
            "Use more samples, or shuffle the source's images.",
        )

    @property
    def missing_validation(self) -> tuple[str, str]:
        """A sentence and a remedy for `unvalidated`; empty where there are none."""
        missing = self.unvalidated
        if not missing:
            return "", ""
        return (
            f"{self.share(missing)} no validation image ({self.listed(missing)}): validation "
            f"accuracy says nothing about {'it' if len(missing) == 1 else 'them'}.",
            "Stratify the split, or use more samples or a larger validation share.",
        )

    @property
    def gaps(self) -> str:
        """A sentence on the classes that the source has no image of; empty without any."""
        if not self.unused:
            return ""
        return (
            f"{self.share(self.unused)} no image here ({self.listed(self.unused)}): there is a "
            f"class for every number from 0 to the source's greatest label."
        )

    @property
    def warnings(self) -> list[tuple[str, str]]:
        """All warnings about classes without images, each with its remedy."""
        first = self.one_class if self.is_of_one_class else self.missing_training
        return [first, self.missing_validation, (self.gaps, "")]


def data_notes(counts: ClassCounts, clipping: str, contrast: float) -> list[str]:
    """Return all warnings about data; empty without any.

    Args:
        counts: the images of each class.
        clipping: a sentence on pixels beyond black and white; empty without any.
        contrast: the share of black to white that a typical image spans, in [0, 1].
    """
    pairs = [low_contrast(contrast), (clipping, ""), *counts.warnings]
    return [f"{sentence} {remedy}".rstrip() for sentence, remedy in pairs if sentence]
