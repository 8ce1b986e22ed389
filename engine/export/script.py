"""A run as a plain PyTorch script or a Jupyter notebook, which trains it again without mnistop."""

from __future__ import annotations

import io
import json
import textwrap
from dataclasses import dataclass
from typing import Self

import numpy as np

from mnistop.engine.config import HYPERPARAMETERS, RunConfig
from mnistop.engine.errors import RunError
from mnistop.engine.events import RunStarted
from mnistop.engine.export.training_code import TrainingCode
from mnistop.engine.hyperparameters import as_text
from mnistop.engine.learning_rate import follow_schedule
from mnistop.engine.process.resuming import load_for
from mnistop.engine.process.train_run import load_examples
from mnistop.engine.runs.event_log import final_event, last_of_kind, read_events
from mnistop.engine.runs.history import History, reduce
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.training.examples import Examples

_WIDTH = 88


@dataclass(frozen=True)
class Section:
    """A part of the script; two cells of the notebook."""

    title: str
    text: str
    """Sentences, and lines of a list that begin with `- `."""
    code: list[str]


def export_code(run: Run, format: str, images_name: str) -> tuple[bytes, bytes]:
    """Return the code of a run, and the file with its images.

    Args:
        run: the run.
        format: `script` or `notebook`.
        images_name: the name of the file with the images, which lies beside the code.

    Raises:
        MnistopError: it is a recorded run or cannot be read, or its data cannot be loaded or have
            changed.
    """
    if run.is_recorded():
        raise RunError(
            f"Run {run.name} was recorded from a script of your own, and that script is its code."
        )
    config = run.config_to_resume()
    examples, _ = load_for(run, config, lambda: load_examples(config))
    assert examples
    images = ImagesFile.of(examples, images_name)
    started = last_of_kind(run, RunStarted)
    device = started.device.partition(":")[0] if started else "cpu"
    code = TrainingCode(
        config,
        sizes=(examples.training.pixels.shape[1], *config.hidden, len(examples.class_names)),
        image_shape=examples.image_shape,
        images_name=images_name,
        device=device if device in ("cuda", "mps") else "cpu",  # a folder may be a stranger's
        threads=config.threads if isinstance(config.threads, int) else 1,
        is_notebook=format == "notebook",
    )
    parts = _sections(run, code, images)
    text = to_notebook(parts) if format == "notebook" else to_script(parts)
    return text.encode(), images.content


def to_script(parts: list[Section]) -> str:
    """Return a Python script."""
    blocks = []
    for part in parts:
        comment = [f"# {line}".rstrip() for line in [part.title, *_wrapped(part.text)]]
        blocks.append("\n".join([*comment, *part.code]))
    return "\n\n".join(blocks) + "\n"


def to_notebook(parts: list[Section]) -> str:
    """Return a Jupyter notebook of nbformat 4, with a text and a code cell for each section."""
    cells: list[dict[str, object]] = []
    for part in parts:
        text = [f"## {part.title}", "", part.text]
        cells += [
            {"cell_type": "markdown", "metadata": {}, "source": "\n".join(text)},
            {
                "cell_type": "code",
                "execution_count": None,
                "metadata": {},
                "outputs": [],
                "source": "\n".join(part.code),
            },
        ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    notebook = {"nbformat": 4, "nbformat_minor": 4, "metadata": metadata, "cells": cells}
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def settings_left_out(code: TrainingCode) -> str:
    """Name the hyperparameters that are not in the code, those with the same reason together."""
    named: dict[str, list[str]] = {}
    for name, reason in code.left_out().items():
        value = as_text(getattr(code.config, name))
        named.setdefault(reason, []).append(f"{HYPERPARAMETERS[name].label} {value}")
    lines = [f"- {', '.join(values)}: {reason}" for reason, values in named.items()]
    return "\n".join(["Settings of the run that this code leaves out:", *lines])


def _sections(run: Run, code: TrainingCode, images: ImagesFile) -> list[Section]:
    parts = [
        Section("The run", _about(run, code), code.imports()),
        Section("Settings", settings_left_out(code), code.settings()),
        Section(
            "Images",
            images.origin(code.config),
            images.loading(code.config, code.device, code.is_notebook),
        ),
        Section("The model", _model(code), code.model()),
    ]
    if functions := code.augmentation():
        text = "The training images of each batch are changed first."
        parts.append(Section("New images", text, [*functions, ""]))
    text = (
        "Each epoch goes through all training images in a new order, batch by batch: forward, "
        "loss, backward, update. Then it evaluates the model on the validation images."
    )
    return [*parts, Section("The training loop", text, code.loop())]


def _about(run: Run, code: TrainingCode) -> str:
    text = (
        f"The training of run {run.name} in plain PyTorch, written by mnistop. It prints the log "
        "of the run: losses are means over images, and those of the training images are from "
        "before each update. Only rounding errors differ from the run's. At high learning rates "
        "training is chaotic: rounding errors grow from step to step, and after some epochs the "
        "two logs differ visibly, though both are right."
    )
    if code.device != "cpu":
        text += (
            f" The run was computed on {code.device}, where the order of sums and some random "
            "numbers can be others: the logs may agree only roughly."
        )
    if getattr(final_event(run), "diverged", False):
        text += (
            " The run ended when its loss was no longer a number: this code goes on, and prints "
            "nan."
        )
    if not follow_schedule(code.config, reduce(History(), read_events(run)).epochs):
        text += (
            " The run was extended later, and its first epochs followed the schedule of fewer "
            "epochs: this code follows that of the final number from the start."
        )
    return text


def _model(code: TrainingCode) -> str:
    if not code.config.hidden:
        return "One linear layer, from the pixels to a score (logit) for each class."
    return (
        "Linear layers with a nonlinearity after each but the last, without which they would be no "
        "more than one. The last layer gives a score (logit) for each class."
    )


def _wrapped(text: str) -> list[str]:
    """Return lines for comments; the further lines of a list's item are indented."""
    return [
        line
        for paragraph in text.split("\n")
        for line in textwrap.wrap(
            paragraph,
            _WIDTH - 2,
            subsequent_indent="  " if paragraph.startswith("- ") else "",
            break_long_words=False,
            break_on_hyphens=False,
        )
    ]


@dataclass(frozen=True)
class ImagesFile:
    """An `.npz` file beside the code of a run.

    It holds `train_images` and `val_images`, `(n, pixels)`, as uint8 if that is lossless and
    otherwise as float32 in [0, 1]; `train_labels` and `val_labels` are int64, `(n,)`.
    """

    name: str
    content: bytes
    pixels: int
    """Of an image."""
    has_levels: bool
    """True if pixels are levels from 0 to 255."""

    @classmethod
    def of(cls, examples: Examples, name: str) -> Self:
        """Create the file of a run's training and validation images."""
        images = {
            "train_images": examples.training.pixels.numpy(),
            "val_images": examples.validation.pixels.numpy(),
        }
        levels = {name: (values * 255).round().astype(np.uint8) for name, values in images.items()}
        has_levels = all(
            np.array_equal(np.divide(levels[name], 255, dtype=np.float32), values)
            for name, values in images.items()
        )
        file = io.BytesIO()
        np.savez_compressed(
            file,
            train_labels=examples.training.labels.numpy(),
            val_labels=examples.validation.labels.numpy(),
            **(levels if has_levels else images),
        )
        return cls(name, file.getvalue(), examples.training.pixels.shape[1], has_levels)

    def origin(self, config: RunConfig) -> str:
        """Return a sentence on what is in the file."""
        which = f"the first {config.samples} images" if config.samples else "the images"
        return (
            f"The file {self.name} has {which} of {config.source} and their labels, split into "
            "training and validation images."
        )

    def loading(self, config: RunConfig, device: str, in_notebook: bool) -> list[str]:
        """Return the lines that load images and labels.

        Args:
            config: it has made them.
            device: where the images are needed.
            in_notebook: whether to look in the current folder, not beside the script.
        """
        name = json.dumps(self.name, ensure_ascii=False)
        place = name if in_notebook else f"Path(__file__).with_name({name})"
        scaled = " / 255" if self.has_levels else ""
        moved = "" if device == "cpu" else ", device=device"
        lines = [
            f"data = np.load({place})",
            *(f"# {line}" for line in self._fetching(config)),
            "",
            f"# (images, {self.pixels}), from 0 for black to 1 for white",
        ]
        for part in ("train", "val"):
            arguments = f'data["{part}_images"], dtype=torch.float32{moved}'
            lines.append(f"{part}_images = torch.tensor({arguments}){scaled}")
        lines.append("# (images,), from 0")
        for part in ("train", "val"):
            lines.append(f'{part}_labels = torch.tensor(data["{part}_labels"]{moved})')
        return lines

    def _fetching(self, config: RunConfig) -> list[str]:
        """Return the code that gets the same images from their origin; none for a path."""
        if config.source == "digits":
            where, name, call = "scikit-learn", "load_digits", "load_digits(return_X_y=True)"
        elif config.source in ("bundled", "openml"):
            where, name = "OpenML", "fetch_openml"
            call = 'fetch_openml("mnist_784", version=1, return_X_y=True, as_frame=False)'
        else:
            return []
        some = f"[:{config.samples}]" if config.samples else ""
        return [
            f"Or fetch the same images from {where}:",
            f"from sklearn.datasets import {name}",
            "from sklearn.model_selection import train_test_split",
            f"images, labels = {call}",
            f"images, labels = images{some}{self._scale(config)}, labels{some}.astype(int)",
            f"split = dict(test_size={config.val_fraction!r}, random_state={config.split_seed})",
            "parts = train_test_split(images, labels, **split)",
            'names = ["train_images", "val_images", "train_labels", "val_labels"]',
            "data = dict(zip(names, parts))",
        ]

    def _scale(self, config: RunConfig) -> str:
        """Return the operation from the pixels of a named source to those of the file.

        Those sources refuse another pixel range than their own.
        """
        if self.has_levels:
            return ""
        return " / 16" if config.source == "digits" else " / 255"
