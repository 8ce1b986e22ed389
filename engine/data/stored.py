"""Images and labels as a source stores them: what readers return, and what they report."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from numpy.typing import NDArray

Progress = Callable[[str], None]
"""Called with a line to show while a source is read."""


def silent(text: str) -> None:
    """Show no progress."""


def at_most_every_second(progress: Progress) -> Progress:
    """Return a function that passes lines on, the first after a second, and drops those between."""
    due = time.monotonic() + 1

    def report(text: str) -> None:
        nonlocal due
        if time.monotonic() >= due:
            progress(text)
            due = time.monotonic() + 1

    return report


Role = Literal["train", "validation", "test"]

USES: dict[Role, str] = {"train": "training", "validation": "validation", "test": "test"}
"""The use of the images of a part, as in `training images`."""


@dataclass(frozen=True, eq=False)
class Part:
    """Images and labels as they are stored: all of a source, or its training or test part."""

    images: NDArray[Any]
    labels: NDArray[Any]
    images_in: str
    """The name of the images' file, or array in a file, in messages."""
    labels_in: str
    role: Role = "train"
    """The use that the source has for these images."""

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: slice) -> "Part":
        return replace(self, images=self.images[rows], labels=self.labels[rows])


@dataclass(frozen=True, eq=False)
class Stored:
    """A source as it is stored, not yet checked."""

    parts: Sequence[Part]
    """One or more, in order."""
    provenance: str
    class_names: tuple[str, ...] | None = None
    white: float | None = None
    """The pixel value of white if the source specifies it, with black 0."""
    notes: tuple[str, ...] = ()
    """Sentences on what reading has made of images and labels."""
    was_one: bool = False
    """True if the source was once read as one part: a random split still takes it as that."""
    was_in_order: bool = False
    """True for forms read before there was a choice of split: a random one still takes their images
    in the order in which they are stored, see `_mixed`."""
    settle: "Settle | None" = None
    """Decides what only all files of a source show together; `join` calls it."""
    stated: Any = None
    """What the file says of itself, for `settle`."""


Settle = Callable[[Sequence[Stored]], list[Stored]]
"""Changes what was read from the files of a source, in their order."""


def join(files: Sequence[Stored], provenance: str) -> Stored:
    """Join what was read from the files of a source.

    Args:
        files: one or more, in order.
        provenance: that of the source.
    """
    for settle in dict.fromkeys(file.settle for file in files):
        if settle:
            settled = iter(settle([file for file in files if file.settle is settle]))
            files = [next(settled) if file.settle is settle else file for file in files]
    return replace(
        files[0],
        parts=[part for file in files for part in file.parts],
        provenance=provenance,
        class_names=max((file.class_names for file in files), key=lambda names: len(names or ())),
        notes=tuple(dict.fromkeys(note for file in files for note in file.notes)),
        settle=None,
    )
