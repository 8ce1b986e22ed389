"""A data set, what is odd about it and which labels are doubted, also as JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistop.engine.config import RunConfig
from mnistop.tui.cli.output import fields

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mnistop.engine.analysis.label_doubts import Doubts
    from mnistop.engine.data.dataset import Dataset, Description
    from mnistop.engine.data.doctor import Finding
    from mnistop.engine.data.notes import ClassCounts


@dataclass(frozen=True, eq=False)
class CheckedData:
    """A data set, its split, and what is odd about it."""

    dataset: Dataset
    facts: Description
    counts: ClassCounts
    sides: NDArray[np.uint8]
    """The place in `doctor.SIDES` of each image, the unseen ones last."""
    notes: Sequence[str]
    findings: Sequence[Finding]

    @classmethod
    def of(cls, config: RunConfig, progress: Callable[[str], None]) -> CheckedData:
        """Load, split and check the images of a configuration."""
        from mnistop.engine.data.doctor import examine, side_of_each
        from mnistop.engine.data.notes import data_notes
        from mnistop.engine.data.sources import class_counts, describe, load_data, split_by

        dataset = load_data(config, progress)
        facts, rows = describe(dataset), np.arange(len(dataset))
        train, val = split_by(dataset, config) if len(dataset) > 1 else (rows, rows[:0])
        counts = class_counts(dataset, train, val)
        notes = [*facts.notes, *data_notes(counts, facts.pixels.clipping, facts.contrast)]
        progress("checking the images")
        sides = side_of_each(dataset, val)
        return cls(dataset, facts, counts, sides, notes, examine(dataset, val))

    def name(self, label: int) -> str:
        """Return the name of a class."""
        return self.dataset.class_names[label]

    def image_as_json(self, number: int, label: int) -> dict[str, Any]:
        """Return an image as JSON: its number, its side of the split, and its label."""
        from mnistop.engine.data.doctor import SIDES

        beyond = number - len(self.dataset)
        place = number if beyond < 0 else self.dataset.unseen.first + beyond
        return {"image": place, "side": SIDES[self.sides[number]], "label": self.name(label)}

    def as_json(self) -> dict[str, Any]:
        """Return all as JSON."""
        counts = zip(
            self.counts.names,
            self.counts.training,
            self.counts.validation,
            self.counts.source,
            strict=True,
        )
        names = ("name", "training", "validation", "source")
        return {
            **fields(self.facts, "source", "provenance", "image_shape", "mean", "std", "contrast"),
            "images": self.facts.count,
            "unseen": self.facts.unseen,
            "pixels": str(self.facts.pixels),
            "classes": [dict(zip(names, each, strict=True)) for each in counts],
            "notes": list(self.notes),
            "findings": [self._finding_as_json(finding) for finding in self.findings],
        }

    def _finding_as_json(self, finding: Finding) -> dict[str, Any]:
        remarks = finding.remarks or [""] * len(finding.images)
        labels = np.concatenate([self.dataset.labels, *self.dataset.unseen.labels])
        rows = zip(finding.images.tolist(), labels[finding.images].tolist(), remarks, strict=True)
        return {
            **fields(finding, "kind", "severity", "sentence"),
            "images": [
                self.image_as_json(number, label) | ({"remark": remark} if remark else {})
                for number, label, remark in rows
            ],
        }

    def doubts_as_json(self, found: Doubts, folds: int) -> dict[str, Any]:
        """Return doubted labels as JSON, the most doubtful first."""
        rows = zip(
            found.images.tolist(),
            found.given.tolist(),
            found.believed.tolist(),
            found.confidence.tolist(),
            found.self_confidence.tolist(),
            strict=True,
        )
        return {
            "folds": folds,
            "accuracy": found.accuracy,
            "confident_joint": found.joint.tolist(),
            "labels": [
                {
                    **self.image_as_json(number, label),
                    "believed": self.name(believed),
                    "confidence": confidence,
                    "self_confidence": given,
                }
                for number, label, believed, confidence, given in rows
            ],
        }
