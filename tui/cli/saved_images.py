"""`mnistop attack --save`: adversarial images in a file or a folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from mnistop.engine.analysis.attack_set import AttackedSet, attack_all
from mnistop.engine.files import expanded
from mnistop.engine.formatting import count
from mnistop.engine.images import to_png
from mnistop.engine.safe_write import check_file, check_folder, write_folder, write_out
from mnistop.tui.cli.attacked import Attacked
from mnistop.tui.cli.output import Output


@dataclass(frozen=True)
class SavedImages:
    """Where adversarial images go: an `.npz` file, or a folder of PNG files."""

    path: Path
    is_file: bool
    force: bool
    """Whether a file may be replaced, and a folder written into that is not empty."""

    @classmethod
    def at(cls, save: str, force: bool) -> SavedImages:
        """Checks, before the work, where they are wanted.

        Raises:
            UsageError: the ending stands for neither.
            MnistopError: it cannot be written, or there is something already.
        """
        path = expanded(save)
        ending = path.suffix.lower()
        is_file = ending == ".npz"
        is_folder = save.endswith("/") or os.path.isdir(path)
        if any(map(str.isalpha, ending)) and not (is_file or is_folder):
            raise click.UsageError(
                f"{save}: images are saved in a file that ends in .npz, or as PNG in a folder, "
                "whose name has no ending."
            )
        if is_file:
            check_file(path, force)
        else:
            check_folder(path, force)
        return cls(path, is_file, force)

    def write(self, found: AttackedSet, first: int, names: Sequence[str]) -> None:
        """Writes them.

        Args:
            found: the images.
            first: the number of the first of them.
            names: of the classes.

        Raises:
            MnistopError: they cannot be written, or there is something by now.
        """
        if self.is_file:
            write_out(self.path, found.to_npz(), self.force)
        else:
            write_folder(self.path, _pngs(found, first, names), self.force)


def tell_saved(
    out: Output, attacked: Attacked, index: int | None, destination: SavedImages, quiet: bool
) -> str:
    """Saves adversarial images, and says where.

    Args:
        out: where it is told.
        attacked: which run, and how it is attacked.
        index: the only image wanted, or None for all.
        destination: where they go.
        quiet: whether to tell nothing.

    Raises:
        MnistopError: they cannot be written.
    """
    found = attack_all(
        attacked.run,
        attacked.method,
        attacked.epsilon,
        attacked.epochs,
        attacked.target,
        index,
        levels=None if destination.is_file else 255,
    )
    destination.write(found, index or 0, attacked.started.class_names)
    if not quiet:
        out.say()
        fooled = int((found.predictions != found.labels).sum())
        out.tell(
            f"{count(len(found.labels), 'adversarial image')} saved in {destination.path}; the "
            f"model takes {fooled:,} of them for another class."
        )
    return str(destination.path)


def _pngs(found: AttackedSet, first: int, names: Sequence[str]) -> dict[str, bytes]:
    files = {}
    for place, image in enumerate(found.images):
        label, taken = (names[classes[place]] for classes in (found.labels, found.predictions))
        name = f"{first + place:05d}-{_in_a_name(label)}-taken-for-{_in_a_name(taken)}.png"
        files[name] = to_png(image)
    return files


def _in_a_name(text: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in text)
