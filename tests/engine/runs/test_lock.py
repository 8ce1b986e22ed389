"""The lock of a run where several machines share a disk."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mnistop.engine import worker
from mnistop.engine.config import RunConfig
from mnistop.engine.errors import RunError
from mnistop.engine.runs import lock, run_folder
from mnistop.engine.runs.run_folder import Run
from tests.helpers.small_runs import kill_all
from tests.helpers.waiting import wait_until


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """One that another machine has begun, whose locks do not reach here."""
    monkeypatch.setenv("MNISTOP_RUNS", str(tmp_path))
    run, held = run_folder.create(RunConfig(epochs=2, samples=200, hidden=(8,)), tmp_path)
    held.close()
    run.lock_path.write_text("4242 another-machine")
    os.utime(run.lock_path, (0, 0))
    yield run
    kill_all()
    worker.close()


@contextmanager
def training_elsewhere(run: Run, ahead: float = 0) -> Iterator[None]:
    """A trainer on the other machine gives signs of life."""
    ended = threading.Event()

    def live() -> None:
        while not ended.wait(0.1):
            os.utime(run.lock_path, (time.time() + ahead,) * 2)

    thread = threading.Thread(target=live)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@pytest.mark.process
def test_a_run_that_is_trained_on_another_machine_is_left_alone(run: Run) -> None:
    with training_elsewhere(run):
        wait_until(run.is_running)
        for change in (worker.resume, worker.stop, worker.pause):
            with pytest.raises(RunError, match="another machine"):
                change(run)
        with pytest.raises(RunError, match="is being trained"):
            run.delete()
    assert run.lock_path.read_text() == "4242 another-machine"


@pytest.mark.process
@pytest.mark.parametrize("ahead", [3600, -3600])
def test_a_run_is_not_trained_twice_where_the_clocks_of_the_machines_differ(
    run: Run, ahead: float
) -> None:
    with training_elsewhere(run, ahead), pytest.raises(RunError, match="already being trained"):
        worker.resume(run)


@pytest.mark.process
def test_a_run_whose_machine_has_gone_is_interrupted_and_can_be_resumed(run: Run) -> None:
    assert not run.is_running()
    assert run.process_id() is None
    os.utime(run.lock_path)  # a moment ago, as when a job that was killed begins again elsewhere
    worker.resume(run)
    wait_until(lambda: not run.is_running())
    assert run.lock_path.read_text() == "", "whoever ends in good order is not waited for"


@pytest.mark.slow
def test_the_holder_gives_signs_of_life_until_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    held = lock.create(path)
    for _ in range(2):
        os.utime(path, (0, 0))
        wait_until(lambda: path.stat().st_mtime > 0)
    assert lock.holder(path) == os.getpid()
    lock.release(held)
    assert not lock.is_held(path)


def test_a_lock_file_of_an_older_version_is_read(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    held = lock.create(path)
    path.write_text(str(os.getpid()))
    assert lock.holder(path) == os.getpid()
    held.close()
    assert not lock.is_held(path)


@pytest.mark.parametrize("content", ["", "x", "1 ", "4242 \xff\xff", "a b c d", "9" * 300])
def test_whatever_a_lock_file_holds_it_is_read(tmp_path: Path, content: str) -> None:
    path = tmp_path / "lock"
    path.write_text(content, "latin-1")
    os.utime(path, (0, 0))
    assert not lock.is_held(path)
    assert lock.holder(path) is None
