"""What a run says while it goes on: one JSON object a line in its `events.jsonl`.

A run's first event is `Preparing` or `RunStarted`, its last is exactly one of `RunFinished`,
`RunStopped` or `RunFailed`; after a stop, `RunResumed` may open it again. Readers skip lines and
keys that they do not know.
"""

import dataclasses
import functools
import json
from dataclasses import dataclass

from pydantic import TypeAdapter

from engine.errors import MnistopError


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that a run says."""

    run: str
    """The run's name."""
    time: float
    """Seconds since 1970."""

    def to_json(self) -> str:
        """The event as one line of JSON, without the line's end."""
        return json.dumps({"event": type(self).__name__, **dataclasses.asdict(self)})


@dataclass(frozen=True, kw_only=True)
class Preparing(Event):
    """Something takes its time before training can start."""

    message: str
    """What, as in `fetching mnist_784 from OpenML: 3.2 MB at 1.1 MB/s`."""


@dataclass(frozen=True, kw_only=True)
class RunStarted(Event):
    """All is ready and the untrained model has been judged."""

    pid: int
    class_names: list[str]
    image_shape: list[int]
    """Height and width in pixels."""
    training_images: int
    validation_images: int
    layers: list[int]
    """Numbers of inputs, hidden neurons and outputs, in order."""
    parameters: int
    device: str
    """The device in use, as in `cpu`."""
    versions: dict[str, str]
    """Versions of what decides the bits, as in `{"torch": "2.13.0"}`."""
    val_loss: float
    """Mean over the validation images for the untrained model; near ln(classes)."""
    val_acc: float


@dataclass(frozen=True, kw_only=True)
class RunResumed(Event):
    """A stopped or interrupted run goes on from its checkpoint; later epochs are trained anew."""

    pid: int
    epoch: int
    """The epoch that training goes on with; its rows and the later ones no longer count."""
    step: int


@dataclass(frozen=True, kw_only=True)
class BatchProgress(Event):
    """How far the present epoch is; said a few times a second at most."""

    epoch: int
    step: int
    """Updates done in this epoch."""
    steps: int
    """Updates of a whole epoch."""
    train_loss: float
    """Mean over the images of this epoch so far."""
    images_per_second: float


@dataclass(frozen=True, kw_only=True)
class EpochFinished(Event):
    """One pass through the training images, and the model's results after it.

    Losses are means over images. Those of training are gathered while the weights change, as in
    the notebook. Accuracies are fractions.
    """

    epoch: int
    """0 for the first trained one."""
    train_loss: float
    val_loss: float
    train_acc: float
    val_acc: float
    lr: float
    """The learning rate of this epoch."""
    seconds: float
    """Training and judging, without pauses."""
    dead: float | None = None
    """The share of hidden ReLU neurons that are 0 for every validation image: they add nothing.
    None without such neurons, and in runs of before this was kept."""


@dataclass(frozen=True, kw_only=True)
class CheckpointSaved(Event):
    """The weights are on disk."""

    file: str
    """Path inside the run folder, as in `checkpoint.pt`."""
    epochs: int
    """Epochs completed by these weights: 0 for the untrained model."""


@dataclass(frozen=True, kw_only=True)
class RunPaused(Event):
    """Training waits between two steps."""


@dataclass(frozen=True, kw_only=True)
class RunUnpaused(Event):
    """Training goes on after a pause."""


@dataclass(frozen=True, kw_only=True)
class RunFinished(Event):
    """The run came to its end."""

    epochs: int
    """Epochs trained."""
    reason: str
    """`all epochs` or `early stopping`."""


@dataclass(frozen=True, kw_only=True)
class RunStopped(Event):
    """The run was asked to stop, saved a checkpoint and can be resumed."""

    epochs: int
    step: int


@dataclass(frozen=True, kw_only=True)
class RunFailed(Event):
    """The run could not go on."""

    message: str
    """What happened and what to do, in words."""
    diverged: bool = False
    """Whether the loss became infinite or not a number."""


@dataclass(frozen=True, kw_only=True)
class RunInterrupted(Event):
    """The training process is gone without a word. Said by readers, never written."""


LAST_EVENTS = (RunFinished, RunStopped, RunFailed, RunInterrupted)


class UnreadableEventError(MnistopError):
    """A line that is no event of this version."""


_KINDS: dict[str, type[Event]] = {kind.__name__: kind for kind in Event.__subclasses__()}


@functools.cache
def _reader(name: str) -> TypeAdapter[Event]:
    return TypeAdapter(_KINDS[name])


def from_json(line: bytes) -> Event:
    """The event of one line.

    Raises:
        UnreadableEventError: the line is torn, foreign or of a kind that is not known here.
    """
    try:
        values = json.loads(line)
        return _reader(values.pop("event")).validate_python(values)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UnreadableEventError(f"This line is no event: {line[:80]!r}") from None
