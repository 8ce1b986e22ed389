"""A disk that refuses what a loop records, and calls that must not wait for it."""

import errno
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mnistop
from mnistop.engine import events
from mnistop.engine.recording import loop_files, loop_writer, troubles
from mnistop.engine.recording.metrics import MetricsWriter
from mnistop.engine.recording.run_writer import RunWriter
from mnistop.engine.runs.event_log import EventLog
from mnistop.engine.runs.predictions import load_predictions
from tests.helpers.loops import history_of, state_of, the_run
from tests.helpers.own_loop import SCORES, begin, warned, warns
from tests.helpers.waiting import wait_until

pytestmark = pytest.mark.usefixtures("alone")


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_predictions_lost_on_a_full_disk_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_files, "MOST_WAITING", 3 * (2 * SCORES.size + len(SCORES)))
    run = begin()
    with monkeypatch.context() as while_full:
        while_full.setattr(RunWriter, "write_predictions", full)
        with warns("cannot be written") as caught:
            for epoch in run.epochs(6):
                run.log_predictions(SCORES, train_loss=float(epoch))
            wait_until(lambda: "is lost" in warned(the_run()))
    run.finish()
    assert len(caught) >= 1
    assert np.isnan(the_run().log_probabilities_after(6, 10)).all()  # type: ignore[arg-type]
    assert (the_run().predictions_after(6) == 255).all()  # type: ignore[union-attr]
    assert load_predictions(the_run(), 6, 10) is None
    assert [epoch.val_acc for epoch in history_of(the_run()).epochs] == [1] * 6


def test_the_last_epochs_are_there_though_the_disk_is_full_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop_writer, "TICK_SECONDS", 1000)
    run = begin()
    for _ in run.epochs(3):
        run.log_predictions(SCORES, train_loss=1.0)
    monkeypatch.setattr(MetricsWriter, "append", full)
    with warns("cannot be written"):
        run.finish()
    assert len(history_of(the_run()).epochs) == 3
    assert state_of(the_run()) == "finished"


def test_the_end_is_there_though_there_is_no_room_for_the_last_epochs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    append = EventLog.append

    def nearly_full(self: EventLog, new: Any) -> None:
        new = list(new)
        if len(new) > 3:
            full()
        append(self, new)

    monkeypatch.setattr(loop_writer, "TICK_SECONDS", 1000)
    run = begin()
    for _ in run.epochs(9):
        run.log_predictions(SCORES, train_loss=1.0)
    monkeypatch.setattr(EventLog, "append", nearly_full)
    with warns("cannot be written"):
        run.finish()
    assert [epoch.val_acc for epoch in history_of(the_run()).epochs] == [1]
    assert isinstance(history_of(the_run()).ended, events.RunFinished)


def test_a_handler_of_a_signal_may_finish_in_the_middle_of_log() -> None:
    run = begin()
    run.log({"before": 1.0})

    class Interrupted:
        def item(self) -> float:
            run.finish()
            return 1.0

    run.log({"a": Interrupted()})
    assert state_of(the_run()) == "finished"
    assert warned(the_run()) == ""


def test_the_loop_s_thread_touches_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = set()

    def noted(path: Path, flags: int) -> int:
        threads.add(threading.current_thread().name)
        return original(path, flags)

    original = troubles.open_private
    run = begin()
    monkeypatch.setattr(troubles, "open_private", noted)
    with pytest.warns(mnistop.RecordingWarning):
        run.log({"a": "text"})
    run.end_with(ValueError("bad"))
    assert threads == {"mnistop"}
    assert "not a number" in warned(the_run())
    assert "ValueError: bad" in warned(the_run())
