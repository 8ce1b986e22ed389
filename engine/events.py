"""The events of runs and sweeps: one JSON object a line in `events.jsonl`.

A run's first event is `Preparing` or `RunStarted`, its last is exactly one of `RunFinished`,
`RunStopped` or `RunFailed`; `RunResumed` may follow it. A sweep's events are `SweepStarted`, then
any of `Preparing`, `SweepData` and `MemberFailed`, and at last `SweepFinished` or `SweepStopped`.

Readers skip unknown lines and keys, and lines with values out of bounds: the bounds below hold for
any file, so that readers need not check values again.
"""

import functools
import operator
from typing import Annotated

import msgspec
from msgspec import Meta

from mnistop.engine.errors import MnistopError
from mnistop.engine.fingerprint import Fingerprint

Count = Annotated[int, Meta(ge=0, le=2**53)]
Size = Annotated[int, Meta(ge=1, le=2**31)]
Number = Annotated[float, Meta(ge=0, le=1e39)]
"""Not negative, and no larger than a float32."""
Loss = Annotated[float, Meta(ge=-1e39, le=1e39)]
"""A loss that is not ours may be negative."""
Fraction = Annotated[float, Meta(ge=0, le=1)]
ClassCounts = Annotated[list[Count], Meta(max_length=256)]
Seconds = Annotated[float, Meta(ge=0, le=1e11)]

COLOR_CHANNELS = 3
"""The channels of an image in colour: red, green and blue."""


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag=True):
    """An event of a run or a sweep."""

    run: str
    """The run's name."""
    time: Seconds
    """Seconds since 1970."""

    def to_json(self) -> str:
        """The event as one line of JSON, without the line's end."""
        try:
            return msgspec.json.encode(self).decode()
        except UnicodeEncodeError:  # as of a path that is not in UTF-8
            texts = {
                name: value.encode(errors="backslashreplace").decode()
                for name, value in msgspec.structs.asdict(self).items()
                if isinstance(value, str)
            }
            return msgspec.structs.replace(self, **texts).to_json()


class Preparing(Event, frozen=True, kw_only=True):
    """A task that takes its time: before training can start, or a long test after it."""

    message: str
    """The activity, as in `fetching mnist_784 from OpenML: 3.2 MB at 1.1 MB/s`."""


class RunStarted(Event, frozen=True, kw_only=True):
    """The start of training: everything is ready, and the untrained model has been evaluated."""

    pid: Count
    class_names: Annotated[list[str], Meta(max_length=256)]
    """Empty for a recorded run without validation images."""
    image_shape: (
        Annotated[list[Annotated[int, Meta(ge=1, le=2**16)]], Meta(min_length=2, max_length=3)]
        | None
    )
    """Height and width in pixels, and 3 if they are in colour; None without validation images."""
    training_images: Size | None
    """None for a recorded run, as the next four."""
    validation_images: Count
    layers: Annotated[list[Size], Meta(min_length=2)] | None
    """Numbers of inputs, hidden neurons and outputs, in order."""
    parameters: Count | None
    device: str
    """The device in use, as in `cpu`; empty for a recorded run."""
    versions: dict[str, str]
    """Versions of what decides the bits, as in `{"torch": "2.13.0"}`."""
    val_loss: Number | None
    """Mean over the validation images for the untrained model; near ln(classes)."""
    val_acc: Fraction | None
    training_counts: ClassCounts = []
    """Training images of each class. Empty in old runs, as the next two."""
    validation_counts: ClassCounts = []
    source_counts: ClassCounts = []
    """Images of each class in the whole source."""
    contrast: Fraction | None = None
    """The share of the range from black to white that a typical image spans."""
    notes: Annotated[list[Annotated[str, Meta(max_length=1000)]], Meta(max_length=10)] = []
    """Sentences on oddities of the data, with remedies."""
    data: Fingerprint | None = None
    """The identity of the images and labels; None in old runs."""
    test_images: Count | None = None
    """Unseen images of the source, for the test of the finished model. None in old runs, which had
    no test."""
    samples: Size | None = None
    """The images asked of the source, without validation images of its own. None in old runs, which
    knew no such."""
    threads: Size | None = None
    """Processor threads for the arithmetic, which affect the bits; the run keeps them. None in old
    runs."""

    def __post_init__(self) -> None:
        """Refuse images of other than one or three channels."""
        if self.image_shape and self.image_shape[2:] not in ([], [COLOR_CHANNELS]):
            raise ValueError(f"{self.image_shape} is no shape of an image.")

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of an image as above; 0 and 0 without images."""
        return tuple(self.image_shape or (0, 0))


class RunResumed(Event, frozen=True, kw_only=True):
    """A run is resumed from its checkpoint; later epochs are trained again."""

    pid: Count
    epoch: Count
    """The next epoch to train; its rows and the later ones no longer count."""
    step: Count
    epochs: Size | None = None
    """The planned number from now on, which a schedule follows. None in old runs, in which it could
    not change."""
    data: Fingerprint | None = None
    """The identity of the data, if the run's start has none."""


class BatchProgress(Event, frozen=True, kw_only=True):
    """Progress of the current epoch, a few times a second at most."""

    epoch: Count
    step: Count
    """Updates done in this epoch."""
    steps: Size
    """Updates of a whole epoch."""
    train_loss: Number
    """Mean over the images of this epoch so far."""
    images_per_second: Number


class EpochFinished(Event, frozen=True, kw_only=True):
    """One pass through the training images, and the model's results after it.

    Losses are means over images. Those of training are gathered while the weights change, as in
    the notebook. Accuracies are fractions.
    """

    epoch: Count
    """0 for the first trained one."""
    train_loss: Loss | None
    """None, as the next four, where a recorded run does not know it."""
    val_loss: Number | None
    train_acc: Fraction | None
    val_acc: Fraction | None
    lr: Number | None
    """The learning rate of this epoch."""
    seconds: Seconds
    """Training and evaluation, without pauses."""
    metrics: Annotated[dict[str, float], Meta(max_length=64)] = {}
    """The means over the epoch of what a recorded run logged, by name."""
    dead: Fraction | None = None
    """The share of hidden ReLU neurons that are 0 for every validation image: they add nothing.
    None without such neurons, and in old runs."""


class StartEvaluated(Event, frozen=True, kw_only=True):
    """A recorded run's model was evaluated before its first step."""

    val_loss: Number
    val_acc: Fraction


class EpochsPlanned(Event, frozen=True, kw_only=True):
    """The loop of a recorded run names its number of epochs."""

    epochs: Size


class ModelKept(Event, frozen=True, kw_only=True):
    """A recorded run's model is an MLP, and is kept in `checkpoint.pt`."""

    layers: Annotated[list[Size], Meta(min_length=2)]
    """Numbers of inputs, hidden neurons and outputs, in order."""
    activation: str
    """One of `mnistop.engine.activations.ACTIVATIONS`; without hidden neurons it has no effect."""
    parameters: Count
    epochs: Count
    """Epochs completed by its weights."""


class ModelNotKept(Event, frozen=True, kw_only=True):
    """A recorded run's model is not kept: it is no MLP, or cannot be read as one."""

    reason: str
    """A sentence."""


class CheckpointSaved(Event, frozen=True, kw_only=True):
    """The weights are on disk."""

    file: str
    """Path inside the run folder, as in `checkpoint.pt`."""
    epochs: Count
    """Epochs completed by these weights: 0 for the untrained model."""


class RunPaused(Event, frozen=True, kw_only=True):
    """Training waits between two steps."""


class RunUnpaused(Event, frozen=True, kw_only=True):
    """Training goes on after a pause."""


class RunTested(Event, frozen=True, kw_only=True):
    """The results of a run that has come to its end on images that it has never seen.

    The validation images choose the best epoch, so their accuracy there flatters; these do not.
    Losses are means over images. The newest such event counts.
    """

    images: Size
    acc: Fraction
    """With the weights of the last epoch, as the loss."""
    loss: Number
    best_acc: Fraction | None = None
    """With the weights of the best epoch, as the next one; None where these were lost."""
    best_loss: Number | None = None


class RunFinished(Event, frozen=True, kw_only=True):
    """The run came to its end."""

    epochs: Count
    """Epochs trained."""
    reason: str
    """`all epochs` or `early stopping`."""
    message: str = ""
    """The reason if it could not be trained further; usually empty."""


class RunStopped(Event, frozen=True, kw_only=True):
    """The run was asked to stop, saved a checkpoint and can be resumed."""

    epochs: Count
    step: Count
    message: str = ""
    """The reason if it could not be resumed; empty if it was asked to stop."""


class RunFailed(Event, frozen=True, kw_only=True):
    """The run could not go on."""

    message: str
    """The problem and the remedy, in words."""
    diverged: bool = False
    """True if the loss became infinite or not a number."""


class RunInterrupted(Event, frozen=True, kw_only=True):
    """The training process died without a final event. Made by readers, never written."""

    vanished: bool = False
    """True if the run's folder is gone too."""


class SweepStarted(Event, frozen=True, kw_only=True):
    """A sweep starts or is resumed. In a sweep's events, `run` is the name of the sweep."""

    pid: Count
    jobs: Count
    """Members that are trained at once."""
    cluster: str = ""
    """The address of the Dask cluster that trains them; empty for this machine."""


class SweepData(Event, frozen=True, kw_only=True):
    """The data are known that all members of a sweep are trained on."""

    data: dict[str, Fingerprint]
    """By the settings that choose them, see `mnistop.engine.sweep.known_data.key_of`."""


class MemberFailed(Event, frozen=True, kw_only=True):
    """A member of a sweep could not be trained, or its process died."""

    member: str
    """The name of its run."""
    message: str
    """The problem, in words."""
    retried: bool = False
    """True if the sweep tries it again at once."""


class SweepFinished(Event, frozen=True, kw_only=True):
    """Each member of a sweep is trained to its end, or has diverged."""


class SweepStopped(Event, frozen=True, kw_only=True):
    """A sweep ended before all its members were trained, and can be resumed."""

    message: str = ""
    """The reason, in words; empty if it was asked to stop."""


LAST_EVENTS = (RunFinished, RunStopped, RunFailed, RunInterrupted)
"""The final events of a run."""


class UnreadableEventError(MnistopError):
    """A line that is no event of this version."""


_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(
    functools.reduce(operator.or_, Event.__subclasses__())
)


def from_json(line: bytes) -> Event:
    """Decode the event of one line.

    Raises:
        UnreadableEventError: the line is torn, foreign or of an unknown kind.
    """
    try:
        return _DECODER.decode(line)
    except (ValueError, RecursionError):
        raise UnreadableEventError(f"This line is no event: {line[:80]!r}") from None
