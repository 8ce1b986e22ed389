"""A run as a plain PyTorch script or a Jupyter notebook, which trains it again without mnistop."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass

from mnistop.engine.config import HYPERPARAMETERS, RunConfig
from mnistop.engine.cores import usable_cores
from mnistop.engine.data.sources import Progress, load_data
from mnistop.engine.errors import RunError
from mnistop.engine.events import RunStarted
from mnistop.engine.export.images_file import ImagesFile
from mnistop.engine.export.training_code import TrainingCode
from mnistop.engine.hyperparameters import as_text
from mnistop.engine.learning_rate import follow_schedule
from mnistop.engine.process.resuming import load_for
from mnistop.engine.process.train_run import choose_threads
from mnistop.engine.runs.event_log import final_event, last_of_kind, read_events
from mnistop.engine.runs.history import History, reduce
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.training.examples import Examples, find_device, make_examples

_WIDTH = 79


@dataclass(frozen=True)
class Section:
    """A part of the script; two cells of the notebook."""

    title: str
    text: str
    """Sentences, and lines of a list that begin with `- `."""
    code: list[str]


@dataclass(frozen=True, eq=False)
class Exported:
    """A script or notebook, and the file of its images, which lies beside it."""

    code: str
    images: ImagesFile


def export_code(
    run: Run, format: str, images_name: str, progress: Progress = lambda text: None
) -> Exported:
    """Return the code of a run.

    Args:
        run: the run.
        format: `script` or `notebook`.
        images_name: the name of the file with the images.
        progress: called with what is being loaded.

    Raises:
        MnistopError: it is a recorded run or cannot be read, or its data cannot be loaded or have
            changed.
    """
    if run.is_recorded():
        raise RunError(
            f"Run {run.name} was recorded from a script of your own, and that script is its code."
        )
    config = run.config_to_resume()
    examples, _ = load_for(run, config, lambda: _load(config, progress))
    assert examples
    started = last_of_kind(run, RunStarted)
    device = started.device.partition(":")[0] if started else "cpu"
    if device not in ("cuda", "mps"):
        device = "cpu"  # a folder may be a stranger's
    threads = config.threads if isinstance(config.threads, int) else 1
    return _export(config, examples, device, threads, format, images_name, run)


def export_settings(
    config: RunConfig, format: str, images_name: str, progress: Progress = lambda text: None
) -> Exported:
    """Return the code of a run that these settings would make here.

    Args:
        config: the settings.
        format: `script` or `notebook`.
        images_name: the name of the file with the images.
        progress: called with what is being loaded.

    Raises:
        MnistopError: the data cannot be loaded, or there is no such device.
    """
    examples = _load(config, progress)
    device = find_device(config.device)
    threads = choose_threads(config, device, examples, usable_cores())
    return _export(config, examples, device.type, threads, format, images_name)


def _load(config: RunConfig, progress: Progress) -> Examples:
    return make_examples(load_data(config, progress), config)


def _export(
    config: RunConfig,
    examples: Examples,
    device: str,
    threads: int,
    format: str,
    images_name: str,
    run: Run | None = None,
) -> Exported:
    images = ImagesFile.of(examples, images_name)
    code = TrainingCode(
        config,
        sizes=examples.sizes(config),
        image_shape=examples.image_shape,
        images_name=images_name,
        device=device,
        threads=threads,
        is_notebook=format == "notebook",
    )
    about = _about_run(run, code) if run else _about_settings(code)
    parts = _sections(about, code, images)
    return Exported(to_notebook(parts) if code.is_notebook else to_script(parts), images)


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
    return "\n".join(["Left out of this code:", *lines])


def _sections(about: Section, code: TrainingCode, images: ImagesFile) -> list[Section]:
    parts = [
        about,
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
    order = "goes through all training images in a new order"
    if code.config.sampler == "balanced":
        order = "draws as many images as there are, all classes equally often"
    text = (
        f"Each epoch {order}, batch by batch: forward, loss, backward, update. Then it evaluates "
        "the model on the validation images."
    )
    return [*parts, Section("The training loop", text, code.loop())]


_LOG = (
    "It prints the log of the run: losses are means over images, and those of the training images "
    "are from before each update. Only rounding errors differ from the run's. At high learning "
    "rates training is chaotic: rounding errors grow from step to step, and after some epochs the "
    "two logs differ visibly, though both are right."
)
_ON_A_DEVICE = (
    " The run {is_computed} on {device}, where the order of sums and some random numbers can be "
    "others: the logs may agree only roughly."
)


def _about_settings(code: TrainingCode) -> Section:
    text = f"Written by mnistop for a run with these settings. {_LOG}"
    if code.device != "cpu":
        text += _ON_A_DEVICE.format(is_computed="would be computed", device=code.device)
    return Section("A training in plain PyTorch", text, code.imports())


def _about_run(run: Run, code: TrainingCode) -> Section:
    text = f"Written by mnistop. {_LOG}"
    if code.device != "cpu":
        text += _ON_A_DEVICE.format(is_computed="was computed", device=code.device)
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
    return Section(f"Run {run.name} in plain PyTorch", text, code.imports())


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
