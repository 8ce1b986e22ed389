"""The code of a run or of settings, as text or written to files: `worker.ask(code_of, …)`.

As in `mnistop.engine.analysis.loading`, PyTorch is imported in functions only.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mnistop.engine.analysis.loading import progress_file
from mnistop.engine.config import RunConfig
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.safe_write import numbered, write_out

SUFFIXES = {"script": ".py", "notebook": ".ipynb"}
"""The extension of a file of code by its format."""


@dataclass(frozen=True)
class Code:
    """The code of a training."""

    text: str
    """A script, or the JSON of a notebook."""
    path: Path | None = None
    """Its file; None if it was not to be written."""
    images: Path | None = None
    """The file with its images."""


def code_of(
    config: RunConfig,
    run: Run | None,
    format: str,
    folder: Path | None = None,
    progress: Path | None = None,
) -> Code:
    """Return code that trains in plain PyTorch, and write it and its images if asked to.

    Files of the same names that hold something else stay, and the new ones get a number.

    Args:
        config: the settings, the path of a source made absolute.
        run: the run that was trained with them; None if there is none.
        format: `script` or `notebook`.
        folder: where to write both files; None to write none.
        progress: a file to write to what is being loaded.

    Raises:
        MnistopError: the run was recorded, the data cannot be loaded or have changed, or a file
            cannot be written.
    """
    from mnistop.engine.export.script import export_code, export_settings

    export = partial(export_code, run) if run else partial(export_settings, config)
    stem = run.words if run else "mnistop-training"
    for path in numbered((folder or Path()) / (stem + SUFFIXES[format])):
        images = path.with_suffix(".npz")
        exported = export(format, images.name, progress_file(progress))
        if folder is None:
            return Code(exported.code)
        files = {path: exported.code.encode(), images: exported.images.content()}
        if all(not os.path.lexists(file) or has_content(file, files[file]) for file in files):
            for file, content in files.items():
                if not os.path.lexists(file):
                    write_out(file, content)
            return Code(exported.code, path, images)
    raise AssertionError("numbers do not end")


def has_content(path: Path, content: bytes) -> bool:
    """Return whether a file with this content exists."""
    try:
        return path.is_file() and path.read_bytes() == content
    except OSError:
        return False
