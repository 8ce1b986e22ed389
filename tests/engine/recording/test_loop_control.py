"""The end of a recorded loop, and its control from outside."""

import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import mnistop
from mnistop.engine import events
from mnistop.engine.process import control
from mnistop.engine.recording import endings
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.run_folder import Run
from tests.helpers.loops import history_of, state_of, the_run
from tests.helpers.own_loop import after_requests_are_read, begin, warned, warns
from tests.helpers.waiting import wait_until

pytestmark = pytest.mark.usefixtures("alone")


def test_calls_after_the_end_are_named_once() -> None:
    run = begin()
    run.finish()
    with warns("has ended") as caught:
        run.log({"a": 1.0})
        run.log({"a": 1.0})
        run.finish()
    assert len(caught) == 1
    assert list(run.epochs(3)) == [0, 1, 2]


def test_a_second_init_ends_the_first() -> None:
    first = begin()
    first.log({"a": 1.0})
    second = begin()
    assert not Run(Path(first.folder)).is_running()
    assert state_of(Run(Path(first.folder))) == "finished"
    assert state_of(Run(Path(second.folder))) == "running"
    second.finish()


def test_a_finish_that_fails_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no such device")

    monkeypatch.setattr("mnistop.engine.recording.own_loop.Recording._keep", broken)
    run = begin()
    with pytest.warns(mnistop.RecordingWarning, match="no such device"):
        run.finish(model=torch.nn.Linear(4, 10))
    assert state_of(the_run()) == "finished"


def test_an_exception_in_a_with_block_is_the_run_s_and_the_loop_s() -> None:
    with pytest.raises(ValueError, match="shape"), begin():
        raise ValueError("wrong\nshape")
    ended = history_of(the_run()).ended
    assert isinstance(ended, events.RunFailed)
    assert ended.message.startswith("ValueError: wrong shape (test_loop_control.py, line ")
    assert "Traceback" in warned(the_run())


def test_ctrl_c_in_a_with_block_stops() -> None:
    with pytest.raises(KeyboardInterrupt), begin():
        raise KeyboardInterrupt
    assert state_of(the_run()) == "stopped"


class Cells:
    """Stands for IPython: calls what is registered before and after a cell."""

    def __init__(self) -> None:
        self.registered: dict[str, Any] = {}
        self.events = self

    def get_ipython(self) -> "Cells":
        return self

    def register(self, event: str, call: Any) -> None:
        self.registered[event] = call

    def run(self, cell: Any, error: BaseException | None = None) -> None:
        self.registered["pre_run_cell"](None)
        cell()
        self.registered["post_run_cell"](SimpleNamespace(error_in_exec=error))


@pytest.mark.parametrize(
    ("error", "state"), [(ValueError("wrong"), "failed"), (KeyboardInterrupt(), "stopped")]
)
def test_an_exception_in_a_cell_ends_the_run_that_was_used_in_it(
    error: BaseException, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = Cells()
    monkeypatch.setitem(sys.modules, "IPython", shell)  # type: ignore[arg-type]
    endings._watch_cells()
    run = begin()
    shell.run(lambda: run.log({"a": 1.0}))
    shell.run(lambda: None, NameError("a typo elsewhere"))
    assert state_of(the_run()) == "running"
    shell.run(lambda: run.log({"a": 1.0}), error)
    assert state_of(the_run()) == state
    assert not the_run().is_running()


def test_a_stop_ends_epochs_early_and_the_request_is_removed() -> None:
    run = begin()
    done = 0
    for epoch in run.epochs(1_000_000):
        run.log({"a": 1.0})
        done = epoch
        if epoch == 3:
            control.stop(the_run())
        time.sleep(0.01)
    assert 3 <= done < 1_000_000
    assert run.should_stop
    wait_until(lambda: not the_run().request_path.exists())
    run.finish()
    assert state_of(the_run()) == "stopped"


def test_a_stop_that_the_loop_does_not_ask_for_stays_a_request() -> None:
    run = begin()
    control.stop(the_run())
    after_requests_are_read(run, the_run())
    assert the_run().request_path.exists()
    assert run.should_stop
    wait_until(lambda: not the_run().request_path.exists())
    run.finish()


def test_a_stop_does_not_end_the_epochs_of_a_distributed_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    run = begin()
    control.stop(the_run())
    after_requests_are_read(run, the_run())
    assert list(run.epochs(3)) == [0, 1, 2]
    run.finish()


@pytest.mark.parametrize("where", ["log", "epochs"])
def test_a_pause_waits_in_log_and_between_epochs(where: str) -> None:
    run = begin()
    epochs = run.epochs(1_000_000)
    stop = threading.Event()

    def loop() -> None:
        while not stop.is_set():
            if where == "log":
                run.log({"a": 1.0})
            else:
                next(epochs)
            time.sleep(0.001)

    thread = threading.Thread(target=loop)
    thread.start()
    control.pause(the_run())
    wait_until(lambda: state_of(the_run()) == "paused")
    assert not the_run().request_path.exists()
    control.send_signal(the_run(), signal.SIGUSR2)
    wait_until(lambda: state_of(the_run()) == "running")
    stop.set()
    thread.join()
    wait_until(lambda: not the_run().request_path.exists())
    run.finish()
    kinds = [type(event) for event in read_events(the_run())]
    assert events.RunPaused in kinds
    assert kinds.index(events.RunPaused) < kinds.index(events.RunUnpaused)


@pytest.mark.parametrize("make", ["link", "folder", "foreign"])
def test_only_a_file_of_the_owner_is_a_request(
    make: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begin()
    path = the_run().request_path
    (tmp_path / "stop").write_text("stop")
    if make == "link":
        path.symlink_to(tmp_path / "stop")
    elif make == "folder":
        path.mkdir()
    elif os.geteuid() == 0:
        path.write_text("stop")
        os.chown(path, 12345, 12345)
    after_requests_are_read(run, the_run())
    assert not run.should_stop
    run.finish()
