"""A loop of somebody's own, recorded: the side that the loop calls.

Nothing here touches a file: the loop's calls gather records in memory, and a thread writes them.
"""

from __future__ import annotations

import contextlib
import operator
import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

import numpy as np

from mnistop.engine import events
from mnistop.engine.errors import DataError
from mnistop.engine.recording import metrics
from mnistop.engine.recording.batch import START, EndOfEpoch
from mnistop.engine.recording.evaluation import Evaluator, Scores, checked_scores
from mnistop.engine.recording.loop_files import LoopFiles
from mnistop.engine.recording.loop_writer import LoopWriter
from mnistop.engine.recording.metric_log import MetricLog
from mnistop.engine.recording.troubles import Troubles
from mnistop.engine.recording.validation import MOST_CLASSES, Validation
from mnistop.engine.runs import checkpoint
from mnistop.engine.runs.recorded import ACCURACIES, LOSSES
from mnistop.engine.runs.run_folder import Run

_OF_TRAINING = frozenset((*LOSSES, *ACCURACIES))
"""Metrics that a model has only once it was trained."""
END_SECONDS = 10.0
"""The end of a run waits for the disk this long, at most."""
_PAUSE_SECONDS = 0.05
"""A paused loop looks this often whether it may go on."""


class Recording:
    """A run that a loop records.

    Args:
        run: the run.
        held: its lock.
        validation: the images that its model is evaluated on; None for none.
        test: images that it is tested on at the end; None for none.
        troubles: where warnings go.
        epochs: how many it has already, as one that goes on.
        known: the id and the next step of each metric that it has already.

    Raises:
        OSError: its files cannot be opened.
    """

    def __init__(
        self,
        run: Run,
        held: IO[bytes],
        validation: Validation | None,
        test: Validation | None,
        troubles: Troubles,
        epochs: int = 0,
        known: Mapping[str, tuple[int, int]] | None = None,
    ) -> None:
        self.run = run
        self.troubles = troubles
        self.epoch = epochs
        """Epochs that have ended."""
        self.calls = 0
        """How often the loop has recorded something."""
        self.is_distributed = False
        """Whether other processes train the same model: no epoch may end here alone."""
        self._held = held
        self._validation, self._test = validation, test
        self._evaluator = Evaluator(validation) if validation else None
        self._classes = len(validation.class_names) if validation else 0
        self._has_epochs = epochs > 0
        self._loop_epoch: int | None = None
        self._planned, self._epochs_before = 0, epochs
        self._epoch_began = time.monotonic()
        self._paused_seconds = 0.0
        self._log = MetricLog(troubles, known)
        labels = validation.labels if validation else np.empty(0, np.uint8)
        self._targets = labels.astype(np.int64)
        self._files = LoopFiles(run, labels, self._classes, self._log.names, epochs > 0, troubles)
        self._writer = LoopWriter(run, held, self._files, self._log, troubles)
        self._requests = self._writer.requests

    def begin(self, kind: type[events.Event], **values: Any) -> None:
        """Record that the run begins or continues, and start writing."""
        self._files.begin(kind, **values)
        with contextlib.suppress(OSError):  # the thread tries again, and names the trouble
            self._files.write()
        self._writer.start()
        self._writer.wake()

    # What the loop calls

    def log(self, logged: Mapping[str, Any], step: int | None, epoch: int | None) -> None:
        """See `mnistop.Run.log`."""
        if type(logged) is not dict and not isinstance(logged, Mapping):
            what = f"log takes numbers by name, as a dict, not {logged!r:.60}."
            self.troubles.warn("log", what)
            return
        if self._requests.pause:
            self._wait_while_paused()
        if epoch is not None:
            epoch = self._log.whole("epoch", epoch, metrics.LAST_EPOCH)
        if epoch is None:
            epoch = self.epoch if self._loop_epoch is None else self._loop_epoch
        self.calls += 1
        self._log.log(logged, step, epoch)

    def evaluate(self, model: Any, logged: Mapping[str, Any]) -> Scores | None:
        """See `mnistop.Run.evaluate`; None if the model cannot be evaluated."""
        scores = None
        if self._evaluator is None:
            self._warn_of_no_validation("evaluate")
        else:
            try:
                scores = self._evaluator.scores(model, self._classes)
            except DataError as error:
                self.troubles.warn("evaluate", str(error))
            except Exception as error:  # as of a GPU without memory: the epoch ends all the same
                self.troubles.warn("evaluate", f"The model was not evaluated: {error}")
        return self._evaluated(scores, logged)

    def log_predictions(self, given: Any, logged: Mapping[str, Any]) -> Scores | None:
        """See `mnistop.Run.log_predictions`; None if the scores cannot be used."""
        scores = None
        if self._validation is None:
            self._warn_of_no_validation("log_predictions")
        else:
            try:
                scores = checked_scores(given, len(self._validation), self._classes)
            except DataError as error:
                self.troubles.warn("predictions", str(error))
        return self._evaluated(scores, logged)

    def _warn_of_no_validation(self, call: str) -> None:
        needs = "needs init(validation=(images, labels))"
        self.troubles.warn("validation", f"{call} {needs}: only metrics are recorded.")

    def _evaluated(self, scores: Any, logged: Mapping[str, Any]) -> Scores | None:
        has_begun = self.calls > 0 or self._has_epochs or self._loop_epoch is not None
        is_start = not (has_begun or any(name in _OF_TRAINING for name in logged))
        if logged:
            self.log(logged, None, None)
        self.calls += 1
        if scores is not None and not self._fits(scores):
            scores = None
        if scores is not None or not is_start:
            self._end_epoch(START if is_start else self.epoch, scores)
        if scores is None:
            return None
        return Scores(scores, self._targets)

    def _fits(self, scores: Any) -> bool:
        """Return whether there is a score for each class; the first scores may say how many."""
        classes = scores.shape[1]
        if classes != self._classes and self._validation:
            if self._has_epochs or self._validation.names_given or classes > MOST_CLASSES:
                self.troubles.warn(
                    "outputs",
                    f"The model has {classes} outputs, but there are {self._classes} classes: it "
                    "is not evaluated. init(classes=…) takes their number or their names.",
                )
                return False
            self._classes = classes
        return True

    def _end_epoch(self, epoch: int, scores: Any) -> None:
        now = time.monotonic()
        seconds = now - self._epoch_began - self._paused_seconds
        self._epoch_began, self._paused_seconds = now, 0.0
        self._has_epochs = True
        self._log.put(EndOfEpoch(epoch, scores, time.time(), seconds))
        if epoch != START:
            self.epoch = epoch + 1

    def epochs(self, planned: int) -> Iterator[int]:
        """See `mnistop.Run.epochs`."""
        planned = operator.index(planned)
        if planned > 0:
            planned += self.epoch - self._epochs_before
        self._planned, self._epochs_before = planned, 0
        if planned > 0:
            self._say(events.EpochsPlanned, epochs=planned)
        try:
            for number in range(self.epoch, planned):
                self._wait_while_paused()
                if not self.is_distributed and self.should_stop():
                    return
                self._loop_epoch, before = number, self.epoch
                yield number
                if self.epoch == before:
                    self._end_epoch(before, None)
        finally:
            self._loop_epoch = None

    def should_stop(self) -> bool:
        """See `mnistop.Run.should_stop`."""
        requests = self._requests
        if requests.stop and not requests.stop_noticed:
            requests.stop_noticed = True
            self._writer.wake()
        return requests.stop

    def _wait_while_paused(self) -> None:
        requests = self._requests
        if not requests.pause:
            return
        began = time.monotonic()
        requests.waiting += 1
        self._writer.wake()
        try:
            while requests.pause and self._writer.is_alive():
                time.sleep(_PAUSE_SECONDS)
        finally:
            requests.waiting -= 1
            self._paused_seconds += time.monotonic() - began

    def _say(self, kind: type[events.Event], **values: Any) -> None:
        self._log.put(kind(run=self.run.name, time=time.time(), **values))

    # The end

    def finish(self, model: Any) -> None:
        """Test a model and keep it if it is an MLP, and end the run as a loop that is over."""
        try:
            if model is not None:
                if self._test:
                    self._tried(self._test_model, model, self._test)
                self._tried(self._keep, model)
        except BaseException:  # Ctrl+C
            self.stop()
            raise
        requests = self._requests
        if requests.stop and requests.stop_noticed:
            self.end(events.RunStopped, epochs=self.epoch, step=0)
        else:
            is_whole = 0 < self._planned <= self.epoch
            reason = "all epochs" if is_whole else "end of the loop"
            self.end(events.RunFinished, epochs=self.epoch, reason=reason)

    def _tried(self, action: Callable[..., None], *arguments: Any) -> None:
        """Do something that must not keep the run from ending."""
        try:
            action(*arguments)
        except Exception as error:
            self.troubles.warn("finish", f"finish met {type(error).__name__}: {error}")

    def _test_model(self, model: Any, test: Validation) -> None:
        try:
            found = Evaluator(test).scores(model, self._classes)
        except DataError as error:
            self.troubles.warn("test", str(error))
            return
        scores = Scores(found, test.labels)
        if np.isfinite(scores.loss):
            self._say(
                events.RunTested, images=len(test), acc=scores.accuracy, loss=max(0.0, scores.loss)
            )

    def _keep(self, model: Any) -> None:
        if self._evaluator is None:
            self._warn_of_no_validation("finish(model=…)")
            return
        found = self._evaluator.find_mlp(model, self._classes)
        if isinstance(found, str):
            self.troubles.warn("model", found)
            self._say(events.ModelNotKept, reason=found)
            return
        path, epochs, name = self.run.path / "checkpoint.pt", self.epoch, self.run.name

        def save() -> list[events.Event]:
            checkpoint.save(path, {"model": found.weights, "epoch": epochs})
            kept = events.ModelKept(
                run=name,
                time=time.time(),
                layers=list(found.layers),
                activation=found.activation,
                parameters=found.parameters,
                epochs=epochs,
            )
            return [kept]

        self._log.put(save)
        if found.note:
            self.troubles.warn("model", found.note)

    def fail(self, words: str, traceback: str = "") -> None:
        """End the run as one that has failed."""
        if traceback:
            self.troubles.note(traceback)
        self.end(events.RunFailed, message=words)

    def stop(self) -> None:
        """End the run as one that a person has stopped."""
        self.end(events.RunStopped, epochs=self.epoch, step=0)

    def end(self, kind: type[events.Event], **values: Any) -> None:
        """Write all that waits and the last event, as far as the disk does."""
        with contextlib.suppress(Exception):  # as after a failed assertion on a GPU
            if self._log.device_values:
                self._log.device_values.wait()
        if not self._writer.end(kind, END_SECONDS, **values):
            self.troubles.warn("end", "The disk is slow: the end of the run may not be recorded.")

    def leave_to_parent(self) -> None:
        """Close the lock in a process just forked, so that it does not keep it from being free."""
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        os.dup2(null, self._held.fileno(), inheritable=False)
        os.close(null)
