"""mnistop: train, watch and break a digit classifier in a terminal.

To watch a training loop of your own, record it:

    import mnistop

    run = mnistop.init(config={"lr": 0.1}, validation=(x_val, y_val))
    for epoch in run.epochs(100):
        for x, y in loader:
            ...  # forward, loss, backward, update: yours
            run.log({"train/loss": loss})
        run.evaluate(model)
    run.finish(model=model)

and look at it in another terminal with the command `mnistop`: curves, confusion matrix, mistakes.

The package is installed as `mnistop`, with the library as `mnistop.engine` and the interface as
`mnistop.tui`. Importing it loads nothing else.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

    from mnistop.engine.recording.evaluation import Scores
    from mnistop.engine.recording.own_loop import Recording
    from mnistop.engine.recording.troubles import RecordingWarning

__all__ = ["Evaluation", "RecordingWarning", "Run", "init"]


def init(
    config: Mapping[str, Any] | Any = None,
    *,
    validation: Any = None,
    test: Any = None,
    classes: int | Sequence[str] | None = None,
    normalize: tuple[Any, Any] | None = None,
    name: str | None = None,
    notes: str | None = None,
    resume: str | None = None,
) -> Run:
    """Start recording a training loop, in a new run folder.

    The run ends with `Run.finish`, with a `with` block, with the next `init`, or with the process:
    as finished, as failed after an exception, as stopped after Ctrl+C. Nothing of this raises an
    exception into your loop or changes its random numbers: what cannot be recorded becomes a
    `RecordingWarning`, once for each kind of trouble.

    Set `MNISTOP_DISABLED=1` to record nothing, and `MNISTOP_RUNS` to keep runs in another folder.
    Of a distributed training only the process of rank 0 records.

    Args:
        config: your settings by name: a dictionary, which may hold others, a dataclass, or what
            argparse returns. Runs are compared and filtered by them.
        validation: images and labels for `Run.evaluate`: a pair `(images, labels)` of arrays or
            tensors, a Dataset, or a DataLoader. Images are given as your model gets them: `(n, h,
            w)`, `(n, 1, h, w)`, `(n, h, w, 1)`, or `(n, h·w)` of square ones, in colour with 3
            channels; labels `(n,)` are whole numbers from 0. Without them only metrics are
            recorded.
        test: images and labels that `Run.finish` tests the model on, in the same forms.
        classes: how many classes there are, at most 256, or their names. Usually the labels and
            the model's outputs say how many.
        normalize: `(mean, std)` if you have normalized the images, each a number or one a channel:
            they are shown as `images·std + mean`, in [0, 1].
        name: a title for the run.
        notes: a remark on the run.
        resume: the name of a recorded run that was interrupted, to go on with it. Your script has
            to load the weights itself; `Run.epochs` goes on counting where the run ended.

    Returns:
        The run, whose methods record; one that records nothing where nothing can be recorded.
    """
    if os.environ.get("MNISTOP_DISABLED", "0") not in ("", "0") or _is_being_spawned():
        return Run(None)
    try:
        from mnistop.engine.recording import endings, starting

        if rank := starting.rank():
            _say(f"rank {rank} records nothing: rank 0 does.")
            return Run(None)
        begun = starting.start(config, validation, test, classes, normalize, name, notes, resume)
        run = Run(begun)
        if begun:
            endings.take_over(run)
            _say(f"recording {begun.run.words}: run mnistop in another terminal to watch it.")
    except Exception as error:
        _warn(f"Nothing is recorded: {type(error).__name__}: {error}")
        return Run(None)
    return run


def _is_being_spawned() -> bool:
    """Return whether this is a worker process that imports the script once more."""
    process = sys.modules.get("multiprocessing.process")
    return bool(process and getattr(process.current_process(), "_inheriting", False))


def _say(sentence: str) -> None:
    with contextlib.suppress(OSError, ValueError, AttributeError):  # as of a closed stderr
        print(f"mnistop: {sentence}", file=sys.stderr)


def _warn(sentence: str) -> None:
    try:
        from mnistop.engine.recording.troubles import Troubles

        Troubles().warn("", sentence)
    except Exception:
        _say(sentence)


class Run:
    """A training loop that is being recorded; `mnistop.init` returns it.

    All methods may be called from any thread. In a process that was forked, as those of a
    DataLoader are, they do nothing. They raise no exceptions and do not wait for the disk.

    As a context manager it ends with the block: as failed after an exception, as stopped after
    Ctrl+C, else as finished.
    """

    def __init__(self, recording: Recording | None) -> None:
        self._recording = recording
        self._name = recording.run.words if recording else ""
        self._folder = os.fspath(recording.run.path) if recording else ""
        self._warned = recording is None

    @property
    def name(self) -> str:
        """The run's name, as in `quiet-otter`; empty if nothing is recorded."""
        return self._name

    @property
    def folder(self) -> str:
        """The path of the run's folder; empty if nothing is recorded."""
        return self._folder

    @property
    def calls(self) -> int:
        """Number of calls that have recorded something."""
        return self._recording.calls if self._recording else 0

    def __repr__(self) -> str:
        return f"<mnistop.Run {self.name or 'that records nothing'}>"

    def log(
        self, metrics: Mapping[str, Any], step: int | None = None, epoch: int | None = None
    ) -> None:
        """Record numbers by name, as in `run.log({"train/loss": loss, "lr": 0.1})`.

        A tensor or an array of one number is read or copied at once; nothing is waited for on a
        GPU. Names with a slash are grouped by what comes before it. The means over an epoch of
        `train/loss`, `train_loss` or `loss` and of `train/acc`, `train/accuracy`, `train_acc`,
        `acc` or `accuracy` are its training loss and accuracy.

        Waits while the run is paused.

        Args:
            metrics: numbers by name; they may be NaN or infinite. A dictionary in it is a group.
            step: from 0; None to count the calls for each name.
            epoch: from 0; None for that of `epochs`, else for the number of evaluations so far.
        """
        if (recording := self._recording) is not None:
            try:
                recording.log(metrics, step, epoch)
            except Exception as error:
                self._note(recording, "log", error)
        elif not self._warned:
            self._warn_of_end()

    def evaluate(self, model: Any, /, **metrics: Any) -> Evaluation:
        """Evaluate a PyTorch model on the validation images, which ends an epoch.

        Its logits are computed in evaluation mode, without gradients, in batches, on its own
        device and in its own type of number; then each module is in its own mode again. The model
        gets the images in the shape in which `init` was given them, or as `(n, c, h, w)`, or as
        `(n, c·h·w)`: the first that it takes. Wrappers of `DistributedDataParallel` and of
        `torch.compile` are taken off.

        Called before anything was logged, it records the untrained model.

        Args:
            model: a module, or a function of a tensor, that returns logits `(n, classes)`.
            metrics: more numbers of this epoch, as in `run.evaluate(model, f1=0.9)`.

        Returns:
            Loss and accuracy, computed when they are read first.
        """
        return self._evaluated("evaluate", model, metrics)

    def log_predictions(self, scores: Any, /, **metrics: Any) -> Evaluation:
        """Record the outputs of a model of any library for the validation images.

        This ends an epoch, as `evaluate` does.

        Args:
            scores: logits, log-probabilities or probabilities, `(n, classes)`, as of
                scikit-learn's `predict_proba`.
            metrics: more numbers of this epoch.

        Returns:
            Loss and accuracy, computed when they are read first.
        """
        return self._evaluated("log_predictions", scores, metrics)

    def _evaluated(self, method: str, given: Any, metrics: Mapping[str, Any]) -> Evaluation:
        scores = None
        if (recording := self._recording) is not None:
            try:
                scores = getattr(recording, method)(given, metrics)
            except Exception as error:
                self._note(recording, method, error)
        elif not self._warned:
            self._warn_of_end()
        return Evaluation(scores)

    def epochs(self, count: int) -> Iterator[int]:
        """Count epochs, as `range(count)` does, and end early when the run is to stop.

        That is asked for by `mnistop stop` or by the key for it in the app. Waits between two
        epochs while the run is paused. An epoch in which nothing was evaluated ends with the
        body of the loop. A run that was resumed goes on with its first unfinished epoch; a loop
        that is run once more, as in the cell of a notebook, counts on from where it was.

        In a distributed training the loop does not end early, since all processes have to agree:
        share `should_stop` of rank 0 with the others.

        Args:
            count: how many epochs there are to be, with those that a resumed run has.
        """
        recording = self._recording
        if recording is None:
            yield from range(count)
            return
        counted = recording.epochs(count)
        while True:
            try:
                epoch = next(counted)
            except StopIteration:
                return
            yield epoch
            if self._recording is None:  # forked, or ended
                yield from range(epoch + 1, count)
                return

    @property
    def should_stop(self) -> bool:
        """Return whether the run has been asked to stop, for loops that do not use `epochs`."""
        return self._recording is not None and self._recording.should_stop()

    def finish(self, model: Any = None) -> None:
        """End the run.

        Args:
            model: the trained PyTorch model. It is tested on the `test` images of `init`. One that
                is a multi-layer perceptron, in whatever way it is written, is kept in the run
                folder as numbers, so that it can be attacked and its weights be looked at.
        """
        self._end("finish", model)

    def end_with(self, error: BaseException) -> None:
        """End the run as one that an exception has ended, or Ctrl+C."""
        from mnistop.engine.recording import endings

        if isinstance(error, KeyboardInterrupt):
            self._end("stop")
        elif isinstance(error, SystemExit) and error.code in (None, 0):
            self._end("finish", None)
        else:
            self._end("fail", endings.in_words(error), endings.traced(error))

    def _end(self, method: str, *arguments: Any) -> None:
        recording, self._recording = self._recording, None
        if recording is not None:
            try:
                from mnistop.engine.recording import endings

                endings.let_go(self)
                getattr(recording, method)(*arguments)
            except Exception as error:
                self._note(recording, method, error)

    def leave_to_parent(self) -> None:
        """Record nothing more in this process, which was forked off the one that records."""
        recording, self._recording, self._warned = self._recording, None, True
        if recording is not None:
            with contextlib.suppress(OSError):
                recording.leave_to_parent()

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        if error is None or isinstance(error, GeneratorExit):
            self.finish()
        else:
            self.end_with(error)

    def _note(self, recording: Recording, method: str, error: Exception) -> None:
        what = f"{method} has recorded nothing: {type(error).__name__}: {error}"
        with contextlib.suppress(Exception):
            recording.troubles.warn(f"call {method}", what)

    def _warn_of_end(self) -> None:
        self._warned = True
        _warn(f"The run {self.name} has ended: call mnistop.init to record another one.")


class Evaluation:
    """Loss and accuracy on the validation images, computed when they are read first.

    NaN where nothing was evaluated: if nothing is recorded, or the model does not fit.
    """

    def __init__(self, scores: Scores | None) -> None:
        self._scores = scores

    @property
    def loss(self) -> float:
        """The cross-entropy, a mean over the images."""
        return self._scores.loss if self._scores else float("nan")

    @property
    def accuracy(self) -> float:
        """The share of images that are classified correctly, in [0, 1]."""
        return self._scores.accuracy if self._scores else float("nan")

    def __repr__(self) -> str:
        return f"<mnistop.Evaluation loss={self.loss:.4f} accuracy={self.accuracy:.4f}>"


def __getattr__(name: str) -> Any:
    if name == "RecordingWarning":
        from mnistop.engine.recording.troubles import RecordingWarning

        return RecordingWarning
    raise AttributeError(f"module 'mnistop' has no attribute {name!r}")
