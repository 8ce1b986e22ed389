"""A run as an event file for TensorBoard."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnistop.engine.config import RunConfig
from mnistop.engine.errors import MnistopError, RunError
from mnistop.engine.hyperparameters import as_text
from mnistop.engine.images import to_png
from mnistop.engine.report.document import as_markdown
from mnistop.engine.report.facts import Facts
from mnistop.engine.report.of_run import report_of_run
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.safe_write import check_folder, write_folder

if TYPE_CHECKING:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

SCALARS = {
    "loss/train": "train_loss",
    "loss/validation": "val_loss",
    "accuracy/train": "train_acc",
    "accuracy/validation": "val_acc",
    "learning rate": "lr",
}
"""The fields of `EpochFinished` by their names in TensorBoard."""


def write_event_file(run: Run, folder: Path, replace: bool = False) -> Path:
    """Write a run's event file into a folder with the run's name.

    Args:
        run: the run.
        folder: the parent folder, TensorBoard's `--logdir`; it is created if need be.
        replace: whether to replace an event file of this run.

    Returns:
        The file.

    Raises:
        MnistopError: the run cannot be read, the file cannot be written or exists already, or the
            package tensorboard is missing.
    """
    check_event_file(run, folder, replace)
    facts = Facts.of(run)
    started = facts.history.started
    if not started:
        raise RunError(f"Run {run.name} has not started training yet.")
    content = to_event_file(facts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MnistopError(f"The folder {folder} cannot be made: {error.strerror}.") from None
    name = f"events.out.tfevents.{int(started.time)}.mnistop"
    write_folder(folder / run.name, {name: content}, replace)
    return folder / run.name / name


def check_event_file(run: Run, folder: Path, replace: bool = False) -> None:
    """Check early that a run's event file can be written; see `write_event_file`.

    Raises:
        MnistopError: it cannot, or the run's folder exists and is not empty.
    """
    place = folder / run.name
    while place != folder.parent and not os.path.lexists(place.parent):
        place = place.parent
    check_folder(place, replace or place != folder / run.name)


def to_event_file(facts: Facts) -> bytes:
    """Return the content of an event file.

    Its steps are the epochs, and its times those at which they ended. It has losses, accuracies,
    the learning rate, the hyperparameters, the report as text, and the most confident mistakes as
    images.

    Raises:
        MnistopError: the package tensorboard is missing.
    """
    try:
        from tensorboard.summary.writer.record_writer import RecordWriter
    except ImportError:
        raise MnistopError(
            "Event files need the package tensorboard: "
            'pip install "mnistop[tensorboard]" brings it.'
        ) from None
    buffer = io.BytesIO()
    writer = RecordWriter(buffer)
    for event in _events(facts):
        writer.write(event.SerializeToString())
    return buffer.getvalue()


def _events(facts: Facts) -> Iterator[Event]:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb
    from tensorboard.plugins.text.summary_v2 import text_pb

    started = facts.history.started
    begun = started.time if started else 0.0
    yield Event(wall_time=begun, file_version="brain.Event:2")
    values = hparams_pb(_hyperparameters(facts.config), facts.run.name, begun)
    yield Event(wall_time=begun, step=0, summary=values)
    for epoch in facts.history.epochs:
        scalars = [
            Summary.Value(tag=tag, simple_value=getattr(epoch, field))
            for tag, field in SCALARS.items()
        ]
        yield Event(wall_time=epoch.time, step=epoch.epoch, summary=Summary(value=scalars))
    if facts.epoch is None:
        return
    end = facts.history.epochs[facts.epoch].time
    report = text_pb("report", as_markdown(report_of_run(facts)))
    yield Event(wall_time=end, step=facts.epoch, summary=report)
    yield Event(wall_time=end, step=facts.epoch, summary=_images(facts))


def _hyperparameters(config: RunConfig) -> dict[str, Any]:
    """Return the configuration in the types of TensorBoard."""
    return {
        name: value if isinstance(value, int | float | str) else as_text(value)
        for name, value in config
    }


def _images(facts: Facts) -> Summary:
    from tensorboard.compat.proto.summary_pb2 import Summary

    names = facts.history.started.class_names if facts.history.started else []
    images = []
    for place, mistake in enumerate(facts.mistakes(), start=1):
        height, width, *channels = mistake.image.shape
        taken = names[int(mistake.probabilities.argmax())]
        image = Summary.Image(
            height=height,
            width=width,
            colorspace=3 if channels else 1,
            encoded_image_string=to_png(mistake.image),
        )
        tag = f"mistakes/{place}: a {names[mistake.label]} taken for {taken}"
        images.append(Summary.Value(tag=tag, image=image))
    return Summary(value=images)
